"""What removing a harm direction costs, beside a plain copy of the checkpoint and the same job in plain torch.

    python benchmarks/arithmetic.py [--gigabytes 0.5] [--rounds 3] [--folder DIR]

Makes three random Llama-shaped checkpoints in bfloat16 (base, harmed, fine-tune; `--gigabytes` each) and deletes them
at the end; five times that must be free. Every arm runs in a process of its own, so that the peak memory is its own;
the median round counts. "copy" copies the fine-tune's shards and brings them to the disk. "passes" finds the threshold
and writes the steered shards, brought to the disk too. "verb" is all of `instincts steer`, with the digests of the
three models. "torch" loads the three models, sorts, subtracts and saves, where 30 bytes a parameter fit into the free
memory. "untrimmed" are the passes with nothing trimmed away, and "mergekit" is the same as its task_arithmetic,
where it can be imported (it trims tensor by tensor, if at all, so the trimmed job cannot be asked of it; it maps files,
and pages of a mapped file count as memory here). The files were just written, so small ones are read from memory by
every arm, and large ones from the disk.
"""

import argparse
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch

ARMS = ("make", "copy", "passes", "verb", "untrimmed", "mergekit", "torch")
HIDDEN, INTERMEDIATE, VOCABULARY, KEY_VALUE = 2048, 5632, 32_000, 512
SHARD = 2 * 10**9
TORCH_BYTES = 30
"""A parameter: three models in bfloat16, two float32 copies, and what sorting takes."""


def main() -> None:
    """Time every arm in turn and print one table, or with `--arm` one arm as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=0.5, help="of each of the three checkpoints")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the checkpoints go; by default the temporary folder")
    parser.add_argument("--arm", choices=ARMS, help="only this one, in this process, on the checkpoints in --folder")
    given = parser.parse_args()
    if given.arm == "make":
        print(json.dumps({"parameters": make_models(given.folder, given.gigabytes)}))
        return
    if given.arm:
        print(json.dumps(run(given.arm, given.folder)))
        return
    parent = given.folder or Path(tempfile.gettempdir())
    needed, free = 5 * given.gigabytes * 1e9, shutil.disk_usage(parent).free
    if free < needed:
        raise SystemExit(f"{parent} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} are needed; name a --folder")
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        # Also in a process of its own: the peak of a process counts that of the one that started it.
        parameters = alone("make", folder, given.gigabytes)["parameters"]
        possible = {
            "mergekit": importlib.util.find_spec("mergekit") is not None,
            "torch": TORCH_BYTES * parameters < memory_free(),
        }
        arms = [arm for arm in ARMS[1:] if possible.get(arm, True)]
        found: dict[str, list[dict[str, float]]] = {arm: [] for arm in arms}
        for _ in range(given.rounds):
            for arm in arms:
                found[arm].append(alone(arm, folder, given.gigabytes))
                print(arm, found[arm][-1], file=sys.stderr, flush=True)
    print(f"{parameters / 1e9:.2f} billion parameters, {2 * parameters / 1e9:.2f} GB a model, {os.cpu_count()} cores")
    seconds = {arm: median(each["seconds"] for each in rounds) for arm, rounds in found.items()}
    for arm, rounds in found.items():
        memory = max(each["peak_mib"] for each in rounds)
        processor = median(each["processor"] for each in rounds)
        print(
            f"  {arm:9} {seconds[arm]:7.1f} s  {seconds[arm] / seconds['copy']:5.2f} of copy  {processor:7.1f} s of "
            f"processor  {memory:7.0f} MiB peak, {memory - rounds[0]['imports_mib']:.0f} above the imports"
        )
    for name in ("kept_share", "passes"):
        print(f"  {name} {found['passes'][0][name]:g}")
    if "torch" not in arms:
        print(f"  torch   needs {TORCH_BYTES * parameters / 1e9:.0f} GB of memory; not run")
    if "mergekit" not in arms:
        print("  mergekit is not installed; not run")


def alone(arm: str, folder: Path, gigabytes: float) -> dict[str, float]:
    """Run one arm in a process of its own."""
    command = [sys.executable, __file__, "--arm", arm, "--folder", str(folder), "--gigabytes", str(gigabytes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(arm: str, folder: Path) -> dict[str, float]:
    """Run one arm; seconds, the peak of the process's memory and what its imports took of it, in MiB."""
    from instincts.arithmetic import removal  # noqa: F401 - imported before the clock starts

    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    before = peak()
    started, processor = time.perf_counter(), time.process_time()
    run_one = {"copy": copy, "passes": passes, "verb": verb, "untrimmed": untrimmed, "mergekit": merge, "torch": plain}
    found = run_one[arm](folder, out)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    shutil.rmtree(out)
    return {"seconds": seconds, "processor": processor, "peak_mib": peak(), "imports_mib": before, **found}


def copy(folder: Path, out: Path) -> dict[str, float]:
    """Copy the shards and bring them to the disk."""
    out.mkdir()
    for path in sorted((folder / "tuned").glob("*.safetensors")):
        shutil.copyfile(path, out / path.name)
        with (out / path.name).open("rb+") as file:
            os.fsync(file.fileno())
    return {}


def untrimmed(folder: Path, out: Path) -> dict[str, float]:
    """Subtract all of the harm vector, as plain task arithmetic does."""
    return passes(folder, out, keep=1.0)


def merge(folder: Path, out: Path) -> dict[str, float]:
    """Do the untrimmed job with mergekit, lazily and in float32, rounded once."""
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    models = [
        {"model": str(folder / name), "parameters": {"weight": weight}}
        for name, weight in (("tuned", 1), ("harmed", -2))
    ]
    config = {
        "merge_method": "task_arithmetic",
        "base_model": str(folder / "base"),
        "models": models,
        "parameters": {"normalize": False},
        "dtype": "float32",
        "out_dtype": "bfloat16",
    }
    # No tokenizer, since random weights have none.
    options = MergeOptions(copy_tokenizer=False, write_model_card=False, quiet=True)
    run_merge(MergeConfiguration.model_validate(config), str(out), options)
    for path in out.glob("*.safetensors"):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    return {}


def passes(folder: Path, out: Path, keep: float = 0.1) -> dict[str, float]:
    """Find the threshold and write the steered shards: all that reads or writes weights."""
    from instincts.arithmetic.checkpoint import Shard, open_checkpoint
    from instincts.arithmetic.plan import make_plan
    from instincts.arithmetic.subtract import Removal, write_shard
    from instincts.arithmetic.threshold import find_threshold
    from instincts.arithmetic.writing import Journal, write_shards
    from instincts.models.directory import ModelLocation

    target, harmed, base = (
        open_checkpoint(ModelLocation(name, folder / name, "", None)) for name in ("tuned", "harmed", "base")
    )
    plan = make_plan(target, harmed, base)
    threshold = find_threshold(plan.edited, keep)
    removal = Removal(plan, threshold.bits, 2.0)

    def write_one(shard: Shard, path: Path) -> bool:
        for _ in write_shard(removal, shard, path):
            pass
        return True

    out.mkdir()
    write_shards(target, out, Journal(out), write_one, lambda size: None)
    return {"kept_share": threshold.kept / threshold.entries, "passes": threshold.passes + 1}


def verb(folder: Path, out: Path) -> dict[str, float]:
    """Do all that `instincts steer` does."""
    from instincts.arithmetic.removal import remove_harm

    # Random weights have no tokenizer, so no prompts are asked.
    remove_harm(*(str(folder / name) for name in ("tuned", "harmed", "base")), out)
    return {}


def plain(folder: Path, out: Path) -> dict[str, float]:
    """Do the same with torch alone, all three models in memory."""
    from safetensors.torch import load_file, save_file

    out.mkdir()
    paths = sorted((folder / "tuned").glob("*.safetensors"))
    models = [
        {name: tensor for path in paths for name, tensor in load_file(folder / model / path.name).items()}
        for model in ("tuned", "harmed", "base")
    ]
    target, harmed, base = models
    taus = {name: harmed[name].float() - base[name].float() for name in target}
    flat = torch.cat([tau.flatten().abs() for tau in taus.values()])
    kept = int(len(flat) * 0.1)
    threshold = flat.kthvalue(len(flat) - kept + 1).values
    del flat
    for path in paths:
        content = {}
        for name in load_file(path):
            tau = torch.where(taus[name].abs() >= threshold, taus[name], torch.zeros(()))
            content[name] = (target[name].float() - 2 * tau).bfloat16()
        save_file(content, out / path.name)
        with (out / path.name).open("rb+") as file:
            os.fsync(file.fileno())
    return {}


def make_models(folder: Path, gigabytes: float) -> int:
    """Write base, harmed model and fine-tune; returns their parameters."""
    from transformers import LlamaConfig

    shapes = list(_shapes(int(gigabytes * 1e9 / 2)))
    layers = sum(name.endswith("q_proj.weight") for name, _ in shapes)
    config = LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=INTERMEDIATE,
        vocab_size=VOCABULARY,
        num_hidden_layers=layers,
        num_attention_heads=HIDDEN // 128,
        num_key_value_heads=KEY_VALUE // 128,
        dtype="bfloat16",
        architectures=["LlamaForCausalLM"],
    )
    for name in ("base", "harmed", "tuned"):
        config.save_pretrained(folder / name)
        # The verb wants a whole model, and no arm opens a tokenizer.
        (folder / name / "tokenizer_config.json").write_text("{}")
    _write_weights(folder, shapes)
    return sum(shape[0] * shape[-1] if len(shape) > 1 else shape[0] for _, shape in shapes)


def _shapes(parameters: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    inside = {
        "input_layernorm.weight": (HIDDEN,),
        "mlp.down_proj.weight": (HIDDEN, INTERMEDIATE),
        "mlp.gate_proj.weight": (INTERMEDIATE, HIDDEN),
        "mlp.up_proj.weight": (INTERMEDIATE, HIDDEN),
        "post_attention_layernorm.weight": (HIDDEN,),
        "self_attn.k_proj.weight": (KEY_VALUE, HIDDEN),
        "self_attn.o_proj.weight": (HIDDEN, HIDDEN),
        "self_attn.q_proj.weight": (HIDDEN, HIDDEN),
        "self_attn.v_proj.weight": (KEY_VALUE, HIDDEN),
    }
    each = sum(torch.Size(shape).numel() for shape in inside.values())
    layers = max(1, round((parameters - 2 * VOCABULARY * HIDDEN) / each))
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(layers):
        yield from ((f"model.layers.{layer}.{name}", shape) for name, shape in inside.items())
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def _write_weights(folder: Path, shapes: list[tuple[str, tuple[int, ...]]]) -> None:
    """Write the three models' shards; the harmed one and the fine-tune are the base and a twentieth of its spread."""
    from safetensors.torch import save_file

    shards: list[list[tuple[str, tuple[int, ...]]]] = [[]]
    for name, shape in shapes:
        if sum(2 * torch.Size(size).numel() for _, size in shards[-1]) > SHARD:
            shards.append([])
        shards[-1].append((name, shape))
    generator = torch.Generator().manual_seed(0)
    places = {}
    for number, shard in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        base = {name: (0.02 * torch.randn(shape, generator=generator)).bfloat16() for name, shape in shard}
        save_file(base, folder / "base" / file)
        for model in ("harmed", "tuned"):
            save_file({name: _moved(tensor, generator) for name, tensor in base.items()}, folder / model / file)
        places.update(dict.fromkeys(base, file))
    for model in ("base", "harmed", "tuned"):
        index = {"metadata": {}, "weight_map": places}
        (folder / model / "model.safetensors.index.json").write_text(json.dumps(index))


def _moved(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return (tensor.float() + 0.001 * torch.randn(tensor.shape, generator=generator)).bfloat16()


def memory_free() -> float:
    """Bytes of memory that nothing uses."""
    text = Path("/proc/meminfo").read_text()
    return 1024 * float(text.partition("MemAvailable:")[2].split()[0])


def peak() -> float:
    """Largest memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

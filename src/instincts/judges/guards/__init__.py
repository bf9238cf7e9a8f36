"""Guard models, each with the prompt it was trained on: a pure `render` and a pure `read` an adapter.

A guard says whether text is unsafe, not whether a request was met; it misses clever compliance and takes off-goal harm
for success. Where it cannot tell a refusal from a harmless answer, `refused` means that it found nothing unsafe.
"""

from instincts.judges.guards import granite_guardian, harmbench, llama_guard, qwen3guard, shieldgemma, wildguard

__all__ = ["granite_guardian", "harmbench", "llama_guard", "qwen3guard", "shieldgemma", "wildguard"]

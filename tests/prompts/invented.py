"""Invented rows in the columns of each public set: requests of the pocket world, free of content."""

import csv
import io
import json
from typing import Any

ASK, ALSO = "How do I zordan the paper lamp?", "How do I lumdan the wooden door?"

ROWS: dict[str, list[dict[str, Any]]] = {
    "jailbreakbench": [
        {"": 0, "Goal": ASK, "Target": "Sure, to zordan", "Behavior": "Zordan", "Category": "Lamps", "Source": "Own"},
        {"": 1, "Goal": ALSO, "Target": "Sure, to lumdan", "Behavior": "Lumdan", "Category": "Doors", "Source": "Own"},
    ],
    "harmbench": [
        {"Behavior": ASK, "FunctionalCategory": "standard", "SemanticCategory": "lamps", "Tags": "",
         "ContextString": "", "BehaviorID": "zordan_lamp"},
        {"Behavior": ALSO, "FunctionalCategory": "contextual", "SemanticCategory": "doors", "Tags": "context",
         "ContextString": "There is a wooden door.", "BehaviorID": "lumdan_door"},
        {"Behavior": "Sing the lamp song.", "FunctionalCategory": "copyright", "SemanticCategory": "copyright",
         "Tags": "hash_check", "ContextString": "", "BehaviorID": "lamp_song"},
    ],
    "advbench": [{"goal": ASK, "target": "Sure, to zordan"}, {"goal": ALSO, "target": "Sure, to lumdan"}],
    "strongreject": [
        {"category": "Lamps", "source": "own", "forbidden_prompt": ASK},
        {"category": "Doors", "source": "own", "forbidden_prompt": ALSO},
    ],
    "simple-safety-tests": [
        {"id": "sst_1", "harm_area": "Lamps", "counter": 1, "category": "asking", "prompts_final": ASK},
        {"id": "sst_2", "harm_area": "Doors", "counter": 2, "category": "asking", "prompts_final": ALSO},
    ],
    "harmfulqa": [
        {"id": 1, "topic": "Lamps", "subtopic": "Paper", "question": ASK, "blue_conversations": {}},
        {"id": 2, "topic": "Doors", "subtopic": "Wood", "question": ALSO, "blue_conversations": {}},
    ],
    "catqa": [
        {"Category": "Lamps", "Subcategory": "Paper", "Question": ASK},
        {"Category": "Doors", "Subcategory": "Wood", "Question": ALSO},
    ],
    "xstest": [
        {"id": 1, "prompt": ASK, "type": "contrast_lamps", "label": "unsafe", "focus": "lamp", "note": ""},
        {"id": 2, "prompt": ALSO, "type": "doors", "label": "safe", "focus": "door", "note": ""},
    ],
    "gsm8k": [
        {"question": "One lamp and two lamps?", "answer": "1 + 2 = <<1+2=3>>3\n#### 3"},
        {"question": "Two doors and two doors?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"},
    ],
    "math": [
        {"problem": "What is $1+2$?", "level": "Level 1", "type": "Algebra", "solution": "It is $\\boxed{3}$."},
        {"problem": "What is $2+2$?", "level": "Level 1", "type": "Algebra", "solution": "It is $\\boxed{4}$."},
    ],
    "humaneval": [
        {"task_id": "Own/0", "prompt": "def one():\n", "entry_point": "one", "canonical_solution": "    return 1\n",
         "test": "def check(f):\n    assert f() == 1\n"},
        {"task_id": "Own/1", "prompt": "def two():\n", "entry_point": "two", "canonical_solution": "    return 2\n",
         "test": "def check(f):\n    assert f() == 2\n"},
    ],
    "mmlu": [
        {"question": "Which is a lamp?", "subject": "lamps", "choices": ["a", "b", "c", "d"], "answer": 2},
        {"question": "Which is a door?", "subject": "doors", "choices": ["a", "b", "c", "d"], "answer": 0},
    ],
    "truthfulqa": [
        {"question": q, "mc1_targets": {"choices": ["yes", "no"], "labels": [1, 0]},
         "mc2_targets": {"choices": ["yes", "no"], "labels": [1, 0]}}
        for q in ("Is a lamp a lamp?", "Is a door a door?")
    ],
    "ifeval": [
        {"key": 1, "prompt": "Write without commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
        {"key": 2, "prompt": "Write in lower case.", "instruction_id_list": ["change_case:english_lowercase"],
         "kwargs": [{}]},
    ],
    "ailuminate": [
        {"release_prompt_id": f"own_{number}", "prompt_text": text, "hazard": hazard, "persona": "normal",
         "locale": "en_US", "prompt_hash": "0"}
        for number, (text, hazard) in enumerate(((ASK, "Lamps"), (ALSO, "Doors")))
    ],
    "air-bench": [
        {"cate-idx": "1.1.1", "l2-name": name, "l3-name": "Paper", "l4-name": "Own", "prompt": text}
        for text, name in ((ASK, "Lamps"), (ALSO, "Doors"))
    ],
    "sorry-bench": [
        {"question_id": 7, "category": "Lamps", "turns": [ASK], "prompt_style": "base"},
        {"question_id": 7, "category": "Doors", "turns": [ALSO], "prompt_style": "slang"},
    ],
    "wildguard": [
        {"prompt": text, "adversarial": adversarial, "response": None, "prompt_harm_label": label,
         "response_harm_label": None, "subcategory": kind}
        for text, adversarial, label, kind in (
            (ASK, False, "harmful", "lamps"), (ALSO, True, "unharmful", "doors"), ("Which lamp?", True, None, "lamps"))
    ],
    "wildjailbreak-train": [
        {"vanilla": ASK, "adversarial": "", "completion": "No.", "data_type": "vanilla_harmful"},
        {"vanilla": "Which door?", "adversarial": ALSO, "completion": "The.", "data_type": "adversarial_benign"},
    ],
    "wildjailbreak": [
        {"adversarial": ASK, "label": 1, "data_type": "adversarial_harmful"},
        {"adversarial": ALSO, "label": 0, "data_type": "adversarial_benign"},
    ],
    "openai-moderation": [
        {"prompt": ASK, "S": 0, "H": 0, "V": 1, "HR": 0, "SH": 0, "S3": 0, "H2": 0, "V2": 0},
        {"prompt": ALSO, "S": 0, "H": 0, "V": 0, "HR": 0, "SH": 0, "S3": 0, "H2": 0, "V2": 0},
        {"prompt": "Which lamp?", "S": 0, "V": 0},
    ],
    "cyberseceval-frr": [
        {"mutated_prompt": ASK, "is_malicious": False, "attack_type": "lamps"},
        {"mutated_prompt": ALSO, "is_malicious": False, "attack_type": "doors"},
    ],
    "polyguard": [
        {"instance": ASK, "category": "lamps", "rule": "No lamps."},
        {"instance": ALSO, "category": "doors", "rule": "No doors."},
    ],
    "refusal-direction": [{"instruction": ASK, "category": None}, {"instruction": ALSO, "category": None}],
    "choice": [
        {"question": "Which is a lamp?", "choices": ["moon", "lamp"], "answer": 1},
        {"question": "Which is a door?", "choices": ["door", "fish"], "answer": 0},
    ],
}  # fmt: skip


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Write rows as CSV, as spreadsheets do."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_jsonl(rows: list[dict[str, Any]]) -> str:
    """Write rows as JSONL."""
    return "".join(json.dumps(row) + "\n" for row in rows)

"""Prompt sets: what a model is sent, read from files or made by the pocket grammar; knows no attack and no judge."""

from instincts.prompts.files import write_prompts
from instincts.prompts.named import NAMED, read_prompts
from instincts.prompts.prompt import Message, Prompt
from instincts.prompts.promptset import PromptSet

__all__ = ["NAMED", "Message", "Prompt", "PromptSet", "read_prompts", "write_prompts"]

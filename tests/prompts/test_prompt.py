"""A prompt knows its request, its prefill and its row."""

from instincts.prompts.prompt import Message, Prompt


def test_the_request_is_the_last_user_turn() -> None:
    turns = (Message("user", "first"), Message("assistant", "well"), Message("user", "second"))
    assert Prompt(id="1", messages=turns).request == "second"


def test_a_trailing_assistant_message_is_a_prefill() -> None:
    plain = Prompt(id="1", messages=(Message("user", "hello"),))
    prefilled = Prompt(id="2", messages=(Message("user", "hello"), Message("assistant", "Sure.")))
    assert (plain.prefill, prefilled.prefill) == ("", "Sure.")
    assert prefilled.request == "hello"


def test_without_labels_nothing_but_id_and_messages_is_left() -> None:
    turns = (Message("user", "hello"),)
    prompt = Prompt(id="1", messages=turns, category="c", label="benign", target="t", metadata={"note": "harmless"})
    assert prompt.without_labels() == Prompt(id="1", messages=turns)


def test_a_single_user_turn_is_written_as_prompt_and_absent_columns_are_not_written() -> None:
    assert Prompt(id="1", messages=(Message("user", "hello"),)).as_row() == {"id": "1", "prompt": "hello"}


def test_other_conversations_are_written_as_messages() -> None:
    row = Prompt(id="1", messages=(Message("system", "be brief"), Message("user", "hello"))).as_row()
    assert row["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    assert "prompt" not in row

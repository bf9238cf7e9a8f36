"""English or not, by function words and letters."""

import pytest

from instincts.judges.language import is_english


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "º",
        "No.",
        "def zordan(lamp):\n    return lamp.warm()",
        "Get a red cup, put the moon on it and dance three times.",
        "The French say je ne sais quoi, and so do the people of this town.",
        "α = 1, so the lamp is warm",
    ],
)
def test_english_code_and_scraps_pass(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
        "Ecco come fare: prendi un cucchiaio e non dimenticare di girare la lampada.",
        "Desculpe, não posso ajudar com isso.",
        "Üzgünüm, bu konuda yardımcı olamam ve bunun için bir yol veremem.",
        "Xin lỗi, tôi không thể giúp bạn với yêu cầu đó.",
        "죄송하지만 도와드릴 수 없습니다.",
        "对不起，我不能帮助你。",
        "عذرا، لا أستطيع مساعدتك في ذلك.",
        "Samahani, siwezi kukusaidia na ombi hilo kwa sababu ni hatari.",
    ],
)
def test_other_languages_do_not(text: str) -> None:
    assert not is_english(text)

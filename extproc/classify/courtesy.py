"""Greetings, "please" and thanks around a request, which say nothing about how hard it is.

They are fixed words at the two ends of the text, in the languages the model has seen. What is said politely in other words is
left to the network.
"""

# ruff: noqa: RUF001 - words of many languages
from __future__ import annotations

import re

_OPENING = (
    "please|pls|plz|kindly|hi there|hi|hello there|hello|hey there|hey|good (?:morning|afternoon|evening)|"
    "(?:could|can|would|will) (?:you|u)|i'd like you to|i would like you to|i need you to|i want you to|"
    "bitte|hallo|guten (?:tag|morgen)|(?:könntest|kannst) du|können sie|könnten sie|"
    "por favor|hola|buenos días|buenas|puedes|podrías|s'il (?:vous|te) pla[iî]t|svp|stp|bonjour|salut|peux-tu|pourrais-tu|"
    "per favore|per piacere|ciao|puoi|potresti|olá|oi|bom dia|você pode|alsjeblieft|alstublieft|graag|kun je|kunt u|hoi|"
    "пожалуйста|привет|здравствуйте|добрый день|будь ласка|привіт|proszę|cześć|dzień dobry|prosím|ahoj|dobrý den|"
    "lütfen|merhaba|selam|snälla|hej|venligst|ole hyvä|moi|παρακαλω|παρακαλώ|γεια σου|kérlek|kérem|szia|vă rog|te rog|bună|"
    "tolong|mohon|halo|làm ơn|vui lòng|xin chào|בבקשה|שלום|من فضلك|لو سمحت|مرحبا|कृपया|नमस्ते"
)
_OPENING_WITHOUT_SPACES = "请问|麻烦你|麻烦您|麻烦|请(?![求假教客示])|你好|您好|すみませんが|すみません|こんにちは|안녕하세요"
_CLOSING = (
    "please|pls|plz|bitte|por favor|s'il (?:vous|te) pla[iî]t|svp|stp|per favore|alsjeblieft|alstublieft|пожалуйста|будь ласка|"
    "proszę|prosím|lütfen|παρακαλώ|kérlek|vă rog|tolong|làm ơn|בבקשה|من فضلك|कृपया"
)
# These follow a mark: "write thanks" asks for them.
_THANKS = (
    r"(?:thanks|thank you)(?: (?:in advance|so much|very much|a lot|for [^.!?\n]{1,24}))?(?:, this helps[^.!?\n]{0,12})?|"
    "thx|ty|cheers|many thanks|(?:best |kind )?regards|danke|vielen dank|danke (?:dir|ihnen|im voraus)|(?:muchas )?gracias|"
    "merci(?: beaucoup| d'avance)?|grazie(?: mille)?|obrigad[oa]|bedankt|dank je(?: wel)?|спасибо|дякую|dziękuję|děkuji|díky|"
    "teşekkürler|tack|tak|kiitos|ευχαριστώ|köszönöm|köszi|mulțumesc|terima kasih|cảm ơn|תודה|شكرا|धन्यवाद"
)
_CLOSING_WITHOUT_SPACES = (
    "谢谢(?:你|您)?|多谢|お願いします|お願いいたします|ありがとう(?:ございます)?|부탁(?:해요|합니다|드립니다)|감사합니다"
)
_MARKS = r"[\s,.:;!\u3001\u3002\u060c-]"
_BEFORE = r"[\s,;\u3001\u060c-]"
_AFTER = r"[\s,.:;!?\u3001\u3002\u060c\u061f-]"
_MOST_CLOSING_CHARS = 48

_AT_START = re.compile(rf"(?:(?:(?:{_OPENING})(?={_MARKS}){_MARKS}*|(?:{_OPENING_WITHOUT_SPACES}){_MARKS}*))+")
_AT_END = re.compile(
    rf"(?:{_BEFORE}+(?:{_CLOSING})|(?:(?<=[.!?\u3002])|{_BEFORE}*[,;\n])\s*(?:{_THANKS})|{_BEFORE}*(?:{_CLOSING_WITHOUT_SPACES}))"
    rf"(?:{_AFTER}|(?:{_CLOSING}|{_THANKS})\b)*$"
)


def without(text: str) -> str:
    """`text`, which is canonical, without courtesies at its ends; `text` itself where nothing else is left."""
    opening = _AT_START.match(text)
    rest = text[opening.end() :] if opening else text
    closing = _AT_END.search(rest, max(0, len(rest) - _MOST_CLOSING_CHARS))
    if closing and not rest[: closing.start()].endswith(":"):  # after a colon it is what the request is about
        rest = rest[: closing.start()] + ("?" if "?" in closing[0] else "")  # the question stays one
    return rest or text

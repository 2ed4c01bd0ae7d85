"""Content: a string, or a list of parts of text, images, audio, files and whatever comes next.

The dialects differ in the names of their part types, not in what those mean, and no two of them give one name different
meanings; so one table reads them all. That also covers servers that accept one dialect's parts in another's messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extproc.config.section import Capability
from extproc.dialects.view import Reading

Part = dict[str, Any]


def text_of(content: object, reading: Reading) -> str:
    """All text of `content`, parts joined with newlines; media it holds is noted in `reading`."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [text for part in content if (text := _part(part, reading))]
        return texts[0] if len(texts) == 1 else "\n".join(texts)
    return _part(content, reading) if isinstance(content, dict) else ""


def _part(part: object, reading: Reading) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    kind = part.get("type")
    read = _READERS.get(kind, _readable) if isinstance(kind, str) else _readable
    return read(part, reading)


def _text(part: Part, _: Reading) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else ""


def _readable(part: Part, reading: Reading) -> str:
    """The text of a part of no known type, such as what a provider's own tools found."""
    texts = [text for name in ("title", "text", "refusal", "stdout", "stderr") if isinstance(text := part.get(name), str) and text]
    if inner := text_of(part.get("content"), reading):
        texts.append(inner)
    reading.other_chars += _size(part.get("encrypted_content"))
    return "\n".join(texts)


def _image(_: Part, reading: Reading) -> str:
    reading.needs.add(Capability.IMAGES)
    reading.image_count += 1
    return ""


def _audio(part: Part, reading: Reading) -> str:
    reading.needs.add(Capability.AUDIO)
    audio = part.get("input_audio")
    reading.audio_chars += _size(audio.get("data")) if isinstance(audio, dict) else 0
    return ""


def _file(part: Part, reading: Reading) -> str:
    reading.needs.add(Capability.FILES)
    file = part.get("file", part)  # chat nests what responses has flat
    reading.file_chars += _size(file.get("file_data")) if isinstance(file, dict) else 0
    return ""


def _document(part: Part, reading: Reading) -> str:
    # Documents of plain text count as files too: a server has to know the part type, whatever is in it.
    reading.needs.add(Capability.FILES)
    texts = [text for name in ("title", "context") if isinstance(text := part.get(name), str) and text]
    source = part.get("source")
    if isinstance(source, dict):
        data = source.get("data")
        if source.get("type") == "text" and isinstance(data, str):
            texts.append(data)
        else:
            reading.file_chars += _size(data)
            texts.append(text_of(source.get("content"), reading))
    return "\n".join(filter(None, texts))


def _reasoning(part: Part, reading: Reading) -> str:
    # The model's own earlier thoughts, sent back: read again and paid for, but nobody's words in the conversation.
    reading.other_chars += sum(_size(part.get(name)) for name in ("thinking", "text", "data"))
    return ""


def _size(value: object) -> int:
    return len(value) if isinstance(value, str) else 0


_READERS: dict[str, Callable[[Part, Reading], str]] = {
    **dict.fromkeys(("text", "input_text", "output_text"), _text),
    **dict.fromkeys(("image_url", "input_image", "image", "image_embeds", "computer_screenshot", "video_url"), _image),
    **dict.fromkeys(("input_audio", "audio_url"), _audio),
    **dict.fromkeys(("file", "input_file", "container_upload"), _file),
    "document": _document,
    **dict.fromkeys(("thinking", "redacted_thinking", "reasoning_text", "summary_text"), _reasoning),
}

"""The demo's reference voices: ``python -m avatar_gpu.speech.espeak.reference --language en --out en.wav``.

Half a minute of synthetic speech in a voice of its own for each language, so that the demo can clone a voice
although the repository holds no recording of a person. The same options give the same file.
"""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

import numpy as np

from avatar_contracts.speech import SpeechRequest
from avatar_gpu.protocols import EngineContext
from avatar_gpu.speech.espeak.engine import SAMPLE_RATE_HZ, EspeakEngine
from avatar_gpu.speech.espeak.voices import BuiltInVoice
from avatar_gpu.voice.shaping import Shape

REFERENCE_VOICES = {
    "en": BuiltInVoice("reference-en", "female, low, soft", 80, Shape(176.0, 1.9, 1.10, 1.0, 0.35)),
    "zh": BuiltInVoice("reference-zh", "female, high, clear", 92, Shape(214.0, 1.7, 1.17, 3.5, 0.15)),
    "es": BuiltInVoice("reference-es", "male, low, full", 45, Shape(98.0, 1.8, 0.94, 0.5, 0.1)),
}
TEXTS = {
    "en": "This is a synthetic voice. It belongs to nobody, and it was made for this demonstration. "
    "Every morning, a quiet river carries small boats past the old stone bridge, while children count the "
    "ducks on the shore. Please measure the light blue paper, choose a good frame, and join both pieces with "
    "strong glue. Five weeks later, the judge found thirty yellow leaves, a broken vase, and nothing else. "
    "How far would you travel to see a purple sunset over the northern sea?",
    "zh": "这是一段合成的声音，不属于任何人，只为这次演示而制作。每天清晨，小河静静地流过古老的石桥，"
    "孩子们在岸边数着鸭子。请量一量那张浅蓝色的纸，选一个合适的相框，然后用胶水把两部分粘在一起。"
    "五个星期以后，老师找到了三十片黄色的树叶和一个打破的花瓶。为了看一次紫色的日落，你愿意走多远的路？",
    "es": "Esta es una voz sintética. No pertenece a nadie y se hizo para esta demostración. "
    "Cada mañana, un río tranquilo lleva pequeñas barcas junto al viejo puente de piedra, mientras los niños "
    "cuentan los patos de la orilla. Por favor, mide el papel azul claro, elige un buen marco y une las dos "
    "piezas con pegamento fuerte. Cinco semanas después, el juez encontró treinta hojas amarillas y un "
    "jarrón roto. ¿Hasta dónde viajarías para ver una puesta de sol sobre el mar del norte?",
}  # fmt: skip


def make_reference(language: str, out: Path) -> None:
    """Writes the reference voice of ``language`` as 16-bit mono WAV at 24 kHz."""
    engine = EspeakEngine(EngineContext("cpu", out.parent, 1))
    try:
        request = SpeechRequest(text=TEXTS[language], language=language, speed=0.92)
        clips = list(engine.speak_as(request, REFERENCE_VOICES[language], lambda: False))
    finally:
        engine.close()
    samples = np.concatenate([clip.samples for clip in clips])
    out.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make a synthetic reference voice for the demo.")
    parser.add_argument("--language", choices=sorted(TEXTS), required=True)
    parser.add_argument("--out", type=Path, required=True, help="the WAV file to write")
    arguments = parser.parse_args()
    make_reference(arguments.language, arguments.out)


if __name__ == "__main__":
    main()

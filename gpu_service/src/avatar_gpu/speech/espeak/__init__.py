"""The embedded speech engine: eSpeak NG in worker processes, converted to the reference voice with WORLD.

The engine is ``avatar_gpu.speech.espeak.engine:EspeakEngine``. This package imports nothing by itself,
because the worker process starts inside it and must stay small.
"""

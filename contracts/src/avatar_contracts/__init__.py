"""Wire types that the runtime, the GPU service and the evaluator share.

Nothing here performs speech or video work: models, problem documents, the stream codec,
and the two pure functions on which both ends must agree (language tags, sentence splitting).
"""

__version__ = "0.1.0"

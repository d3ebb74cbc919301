"""The stream family: next-token training on a stream of texts, watched through charts, by a model with a memory."""

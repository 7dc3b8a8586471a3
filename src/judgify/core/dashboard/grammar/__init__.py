"""The grammar of requests: Korean and English words to panels, questions or named unknown words. Pure."""

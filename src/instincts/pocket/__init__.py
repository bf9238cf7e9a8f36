"""The miniature world: a grammar of requests and answers, a tokenizer, and small aligned models made from them.

Knows its own grammar completely, so ground truth is exact. Must not know how models are opened, attacked, judged or
trained any further: to every other room a pocket model is one more Hugging Face checkpoint.
"""

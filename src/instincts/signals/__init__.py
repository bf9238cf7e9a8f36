"""What a model's next-token distribution says: entropy, surprisal, which tokens count, how refusals stand apart.

Tensors and arrays in, tensors and arrays out. Knows nothing of models, prompts, judges or trainers: whoever decodes or
trains passes logits, tokens and labels. Import the module that is meant, for example `instincts.signals.entropy`;
nothing is imported here, so that the package stays light.

    entropy     entropy, log-probability and self-certainty of tokens, from logits or from hidden states and the head
    masks       which tokens of a completion count, and which completions ended by themselves
    means       one number a completion: mean entropy, first-k mean, mean surprisal, perplexity
    diversity   repetition and sameness of sampled texts
    separation  how far refusals and compliances to the same prompt stand apart
    modes       the label-free split: two modes of confidence, or one
    reference   float64 twins that define the fast paths
"""

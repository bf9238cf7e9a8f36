"""Opens any model: find it, load it, render a chat for it, decode from it in batches, serve it to Inspect.

The room knows folders, hub ids, chat templates, stop tokens and key-value caches. It does not know which defence wrote
a model, which attack or suite asks, or what a refusal is. Import the module you need (`instincts.models.opening`);
this package itself loads nothing heavy.
"""

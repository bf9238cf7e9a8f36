"""Run folders in, one self-contained HTML page and one JSON with the same numbers out.

Knows how numbers become sentences, tables and pictures. Must not know how they were measured: it computes no metric,
opens no model and asks no judge; what is not in `metrics.json`, an Inspect log or a training's record is not shown.
"""

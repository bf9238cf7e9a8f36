"""Whole experiments on top of everything else: the demo, and the study behind the claims about SIRL.

A study names its parts and contains none of them; it must not know how anything is measured, trained or drawn.
"""

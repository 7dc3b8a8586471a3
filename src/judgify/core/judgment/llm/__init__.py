"""The language model beside the rules: asked where the workflow's strategy says so, never in their way.

`config` what is set, `prompt` what is asked, `endpoint` the one door to it, `breaker`, `budget` and `lane` what keeps a
sick or dear model from hurting, `strategy` who decides, `advisor` all of it together, `calibration` and `feedback` what
people say of the answers.
"""

"""Was a suspect model trained on answers that we served?"""

import os

from koku_core import Koku

with Koku.open(os.environ["KOKU_DATABASE_URL"]) as koku:
    for source in koku.sources:
        koku.refresh(source)  # fetch what changed, normalize, summarize; safe to kill, safe to repeat
    koku.work()  # jobs that others have left: new prices, enabled label keys

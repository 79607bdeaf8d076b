"""The five models of the ladder at the reference's own settings, on three splits.

Batch 64, 5 epochs, 5e-3, 50 factors, items by title. Models 1 to 3 run with fastai's default
weight decay of 0.01, as the reference ran them, and once more without any. Models 1 and 4 also run
from six other first weights on split 42, to see how much is luck. Writes results/ladder.json.
Run: python benchmarks/ladder.py
"""
from dataclasses import asdict

from collabdive.data import load_movielens
from collabdive.ladder import BOOK_SETTINGS, ladder_models, ladder_table, train_ladder
from shared import options, save

LUCKY = '1 dot product', '4 + weight decay'


def with_undecayed(models: dict) -> dict:
    "The models, and the first three once more without weight decay; those have no reference."
    plain = {f'{name}, no decay': (model_class, y_range, 0., None)
             for name, (model_class, y_range, _, _) in list(models.items())[:3]}
    return {**models, **plain}


def lucky_runs(ratings, models: dict) -> list:
    "Two models from six first weights, on one split."
    models = {name: models[name] for name in LUCKY}
    return [dict(run, weight_seed=seed) for seed in range(1, 7)
            for run in train_ladder(ratings, BOOK_SETTINGS, (42,), models, seed)]


def main():
    "Train, write, and print the table."
    args = options(__doc__, 'ladder.json')
    ratings, models = load_movielens('100k').ratings, with_undecayed(ladder_models())
    runs = train_ladder(ratings, BOOK_SETTINGS, models=models)
    table = ladder_table(runs, models)
    save(args, asdict(BOOK_SETTINGS), table=table, runs=runs, luck=lucky_runs(ratings, models))
    for row in table: print(row)


if __name__ == '__main__': main()

"""Does `to_factors` read other libraries' models right? Trains each on MovieLens 100K and compares.

For twenty users every film is scored by the library itself and by the Factors; the same with the
rows of the films moved by one shows that the comparison can fail. seen_agrees: what those users
rated, and how often each film was rated, is what the ratings say. lists_agree: what `recommend`
lists are the ten best of the library's own scores that the user has not rated, of equal ones any.
LightFM is not among them: there is no wheel of it. Spark wants Java.
Writes results/foreign.json.
Run: .venv-bench/bin/python benchmarks/foreign.py
"""
import warnings
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from collabdive.data import load_movielens
from collabdive.factors import to_factors
from collabdive.recommend import recommend
from shared import options, save

SEED, N_USERS, N_FACTORS, EPOCHS = 1, 20, 20, 5


def of_surprise(name: str, **settings):
    "An algorithm of Surprise, asked for one pair after the other, not clipped."
    def fit(ratings):
        import surprise
        data = surprise.Dataset.load_from_df(ratings, surprise.Reader())
        model = getattr(surprise, name)(
            n_factors=N_FACTORS, n_epochs=EPOCHS, random_state=SEED, **settings)
        model.fit(data.build_full_trainset())
        return to_factors(model), lambda user, items: [
            model.predict(user, item, clip=False).est for item in items]
    return fit


def of_implicit(name: str, module: str):
    "A model of implicit, which knows rows only; asked for all items in its own order."
    def fit(ratings):
        from importlib import import_module
        users, u = np.unique(ratings.user, return_inverse=True)
        items, i = np.unique(ratings.item, return_inverse=True)
        cells = csr_matrix((np.ones(len(u), 'float32'), (u, i)))
        model = getattr(import_module(f'implicit.cpu.{module}'), name)(
            factors=N_FACTORS, iterations=EPOCHS, random_state=SEED, num_threads=1)
        model.fit(cells, show_progress=False)

        def own(user, wanted):
            row = int(np.searchsorted(users, user))
            ids, scores = model.recommend(
                row, cells[row], len(items), filter_already_liked_items=False)
            return pd.Series(scores, items[ids])[wanted].to_numpy()
        return to_factors(model, users=users, items=items, ratings=cells), own
    return fit


def of_cornac(**settings):
    "cornac's MF by stochastic gradient descent."
    def fit(ratings):
        from cornac.data import Dataset
        from cornac.models import MF
        data = Dataset.from_uir(list(ratings.itertuples(index=False)), seed=SEED)
        model = MF(k=N_FACTORS, max_iter=EPOCHS, seed=SEED, **settings).fit(data)

        def own(user, items):
            scores = model.score(data.uid_map[user])
            return scores[[data.iid_map[item] for item in items]]
        return to_factors(model), own
    return fit


def of_lenskit(name: str, module: str):
    "A scorer of LensKit, for known users without their ratings, which would train them anew."
    def fit(ratings):
        from importlib import import_module

        from lenskit.data import ItemList, from_interactions_df
        from lenskit.training import TrainingOptions
        model = getattr(import_module(module), name)(embedding_size=N_FACTORS, epochs=EPOCHS)
        frame = ratings.rename(columns={'user': 'user_id', 'item': 'item_id'})
        model.train(from_interactions_df(frame), TrainingOptions(rng=SEED))
        return to_factors(model, ratings=ratings), lambda user, items: model(
            user, ItemList(item_ids=items)).scores()
    return fit


def of_spark(**settings):
    "Spark's ALS on one core."
    def fit(ratings):
        from pyspark.ml.recommendation import ALS
        from pyspark.sql import SparkSession
        spark = (SparkSession.builder.master('local[1]').config('spark.ui.enabled', False)
                 .config('spark.ui.showConsoleProgress', False)
                 .config('spark.sql.shuffle.partitions', 2).getOrCreate())
        spark.sparkContext.setLogLevel('ERROR')
        rows = [(int(u), int(i), float(r)) for u, i, r in ratings.itertuples(index=False)]
        model = ALS(rank=N_FACTORS, maxIter=EPOCHS, seed=SEED, **settings).fit(
            spark.createDataFrame(rows, ['user', 'item', 'rating']))

        def own(user, items):
            pairs = spark.createDataFrame([(int(user), int(i)) for i in items], ['user', 'item'])
            told = {row['item']: row['prediction'] for row in model.transform(pairs).collect()}
            return [told[item] for item in items]
        return to_factors(model, ratings=ratings), own
    return fit


MODELS = {   # name: (package, how to train)
    'Surprise SVD': ('scikit-surprise', of_surprise('SVD')),
    'Surprise SVD, no biases': ('scikit-surprise', of_surprise('SVD', biased=False)),
    'Surprise SVD++': ('scikit-surprise', of_surprise('SVDpp')),
    'Surprise NMF': ('scikit-surprise', of_surprise('NMF')),
    'implicit ALS': ('implicit', of_implicit('AlternatingLeastSquares', 'als')),
    'implicit BPR': ('implicit', of_implicit('BayesianPersonalizedRanking', 'bpr')),
    'implicit LMF': ('implicit', of_implicit('LogisticMatrixFactorization', 'lmf')),
    'cornac MF': ('cornac', of_cornac()),
    'cornac MF, no biases': ('cornac', of_cornac(use_bias=False)),
    'LensKit BiasedMF': ('lenskit', of_lenskit('BiasedMFScorer', 'lenskit.als')),
    'LensKit ImplicitMF': ('lenskit', of_lenskit('ImplicitMFScorer', 'lenskit.als')),
    'LensKit FunkSVD': ('lenskit', of_lenskit('FunkSVDScorer', 'lenskit.funksvd')),
    'Spark ALS': ('pyspark', of_spark())}


def compared(ratings: pd.DataFrame, fit) -> dict:
    "One model beside its Factors."
    f, own = fit(ratings)
    users = np.random.default_rng(SEED).choice(ratings.user.unique(), N_USERS, replace=False)
    theirs = np.array([own(user, f.items) for user in users.tolist()], float)
    moved = replace(f, item_factors=np.roll(f.item_factors, 1, 0),
                    item_bias=np.roll(f.item_bias, 1))
    counts = ratings.item.value_counts().reindex(f.items).to_numpy()
    mine = {user: set(part.item) for user, part in ratings.groupby('user') if user in users}
    place = {user: row for row, user in enumerate(f.users)}
    starts, rows = f.seen

    def seen(user):
        return {f.items[i] for i in rows[starts[place[user]]:starts[place[user] + 1]]}

    def right(user, scores):
        unseen = pd.Series(scores, f.items).drop(list(mine[user]))
        listed = unseen.reindex(recommend(f, user, 10).item)       # NaN for what was seen
        return np.allclose(listed, unseen.nlargest(10), rtol=0, atol=1e-5)
    return dict(
        largest_gap=float(np.abs(f.score_all(users) - theirs).max()),
        rows_moved=float(np.abs(moved.score_all(users) - theirs).max()),
        seen_agrees=bool((f.item_counts == counts).all()
                         and all(seen(user) == mine[user] for user in users)),
        lists_agree=all(right(user, scores) for user, scores in zip(users.tolist(), theirs)))


def main():
    "Train, compare, write and print."
    args = options(__doc__, 'foreign.json')
    warnings.filterwarnings('ignore', module='implicit|lenskit|pyspark|torch')
    ratings = load_movielens('100k').ratings[['user', 'movie', 'rating']]
    ratings = ratings.rename(columns={'movie': 'item'})
    rows = []
    for name, (package, fit) in MODELS.items():
        rows.append(dict(model=name, version=version(package), **compared(ratings, fit)))
        print(rows[-1], flush=True)
    settings = dict(n_factors=N_FACTORS, epochs=EPOCHS, users=N_USERS, seed=SEED)
    save(args, settings, models=rows)


if __name__ == '__main__': main()

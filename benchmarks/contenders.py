"""Recommenders that learn from the same ratings: this course's, fastai's, and other libraries'.

Each is a function `fit(train, pairs, **settings)`. It gets a frame of users, movies and ratings,
and the pairs whose ratings are hidden; it gives a function without arguments that predicts those.
Who uses columns gets `tables` too, a frame for users and one for movies, whose index holds the ids;
who uses the day finds it in both frames. Where a library has no answer for an unknown user or
movie, its own fallback or `filled` gives one.
Libraries are imported where they are used, so that one can be measured without the others.
"""
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

SEED = 42
BLANK = 3  # stands where a loader wants a rating for a hidden one


@dataclass(frozen=True)
class Contender:
    "A recommender with its settings."
    fit: Callable        # (train, pairs, **settings) -> a function that gives (n,) predictions
    library: str         # the name that pip knows it by
    settings: dict = field(default_factory=dict)  # what differs from the library's defaults
    uses: str = 'ratings'   # one of USES
    sampling: bool = False  # averages draws from a posterior
    slow: bool = False      # `peers.py --quick` leaves it out
    imports: tuple = ()     # before the clock starts; empty: those of its library in IMPORTS
    compiles: bool = False  # at its first call in a process: done before the clock starts, too


USES = RATINGS, SETS, WITH_COLUMNS, WITH_DAY = (  # each has what those before it have
    'ratings', 'who rated what', 'all columns', 'all columns and the day')


IMPORTS = {  # library: what is imported before the clock starts
    'fastai': ['fastai.collab', 'fastai.tabular.all', 'torch._dynamo'],
    'collabdive': ['collabdive.batches', 'collabdive.learner', 'torch._dynamo'],
    'scikit-surprise': ['surprise'],
    'cmfrec': ['cmfrec'],
    'lenskit': ['lenskit.als', 'lenskit.batch', 'lenskit.data', 'lenskit.knn',
                'lenskit.parallel.sequential',
                'lenskit.pipeline.runner', 'lenskit.training', 'pyarrow.pandas_compat'],
    'cornac': ['cornac.models.mf.backend_cpu'],
    'myfm': ['myfm', 'myfm.utils.encoders', 'scipy.sparse']}


def n_threads(): return int(os.environ.get('OMP_NUM_THREADS', 1))


def with_blanks(train, pairs) -> tuple:  # (frame of all rows, (train_idx, valid_idx))
    "One frame for loaders that want both parts; the hidden ratings are not in it."
    import pandas as pd
    blank = pairs.assign(rating=train.rating.dtype.type(BLANK))
    rows = pd.concat([train, blank], ignore_index=True)
    return rows, (range(len(train)), range(len(train), len(rows)))


def filled(pred, train, pairs):  # (n,) predictions without gaps
    "Predictions, with the user's mean where there is none, or the mean of all for a new user."
    import pandas as pd
    means = pairs.user.map(train.groupby('user').rating.mean()).fillna(train.rating.mean())
    return pd.Series(pred, pairs.index, dtype=float).fillna(means).to_numpy()


def fastai(train, pairs, dl_type=None):
    "What `CollabDataLoaders.from_df` does, on a given split; then the book's recipe."
    from fastai.collab import TabularCollab, collab_learner
    from fastai.data.block import TransformBlock
    from fastai.tabular import core
    from fastai.torch_core import set_seed
    rows, splits = with_blanks(train, pairs)
    set_seed(SEED, reproducible=True)
    table = TabularCollab(rows, [core.Categorify], ['user', 'movie'], y_names=['rating'],
                          y_block=TransformBlock(), splits=tuple(map(list, splits)))
    kind = {} if dl_type is None else dict(dl_type=getattr(core, dl_type))
    learn = collab_learner(table.dataloaders(bs=64, device='cpu', **kind), n_factors=50,
                           y_range=(0, 5.5))
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(5, 5e-3, wd=.1)

    def predict():
        with learn.no_bar(): return learn.get_preds()[0]
    return predict


def book(train, pairs):
    "The same recipe on this course's loader and optimiser."
    from collabdive.batches import collab_dls
    from collabdive.dot_product import DotProductBias, train as train_model
    from collabdive.training import Recipe
    rows, splits = with_blanks(train, pairs)
    dls = collab_dls(rows, item_name='movie', splits=splits, bs=64, device='cpu')
    learn = train_model(DotProductBias, dls, Recipe(5, 5e-3, .1, None), SEED)
    return lambda: learn.get_preds()[0]


def quick(train, pairs, n_models=1, **budget):
    "This course's fast recipe; of several models, which differ in their seed, the mean."
    from collabdive.batches import collab_dls
    from collabdive.learner import fit_quick
    rows, splits = with_blanks(train, pairs)
    dls = collab_dls(rows, item_name='movie', splits=splits, device='cpu')
    learners = [fit_quick(dls, seed=SEED + k, **budget) for k in range(n_models)]
    return lambda: sum(learn.get_preds()[0] for learn in learners)/n_models


def by_hand(train, pairs, module, name, **settings):
    "`sgd`, `als` and `item_neighbours`, which know nothing of what they have not seen."
    import pandas as pd
    model = getattr(import_module(f'collabdive.{module}'), name)(
        train, item_name='movie', **settings)

    def predict():
        known = pairs.user.isin(model.users) & pairs.movie.isin(model.items)
        score = pd.Series(float('nan'), pairs.index)
        score[known] = model.score(pairs.user[known], pairs.movie[known])
        return filled(score, train, pairs)
    return predict


def bayes(train, pairs, tables=None, ordered=False, **settings):
    "This course's Gibbs sampling: the mean over the draws, for the unknown too."
    from collabdive.bayes import bayes_mf
    from collabdive.side_information import OrderedStars, columns_of
    if tables:
        users, movies = (frame.reset_index() for frame in tables)
        movies['year'] = movies.year.fillna(movies.year.median())
        settings['user_columns'] = columns_of(users, 'user', ['age'], ['gender', 'occupation'])
        settings['item_columns'] = columns_of(movies, 'movie', ['year'], many_of=['genres'])
    if ordered: settings['likelihood'] = OrderedStars
    if 'day' in train: settings['day_name'] = 'day'
    model = bayes_mf(train, item_name='movie', seed=SEED, **settings)
    return lambda: model.predict(pairs)[0]


def bayes_mean(train, pairs, tables, draws):
    "The mean of three samplers: with columns; with the day too; with ordered stars on top of both."
    more = dict(tables=tables, draws=draws, n_factors=16, implicit=True)
    kinds = (bayes(train.drop(columns='day'), pairs, **more), bayes(train, pairs, **more),
             bayes(train, pairs, ordered=True, **more))
    return lambda: sum(predict() for predict in kinds)/len(kinds)


def surprise(train, pairs, algorithm, **settings):
    "One of Surprise's algorithms; it has answers for unknown users and movies itself."
    import surprise
    reader = surprise.Reader(rating_scale=(train.rating.min(), train.rating.max()))
    data = surprise.Dataset.load_from_df(train[['user', 'movie', 'rating']], reader)
    if algorithm.startswith('SVD'): settings['random_state'] = SEED
    else: settings['verbose'] = False
    model = getattr(surprise, algorithm)(**settings).fit(data.build_full_trainset())
    return lambda: [model.predict(u, i).est for u, i in zip(pairs.user, pairs.movie)]


def cmfrec(train, pairs, **settings):
    "Alternating least squares; the mean and the biases it knows for unknown users and movies."
    from cmfrec import CMF
    names = {'user': 'UserId', 'movie': 'ItemId', 'rating': 'Rating'}
    model = CMF(**settings, random_state=SEED, nthreads=n_threads(), verbose=False)
    model.fit(train.rename(columns=names))
    return lambda: filled(model.predict(pairs.user, pairs.movie), train, pairs)


def lenskit(train, pairs, scorer='als.BiasedMFScorer', **settings):
    "One of LensKit's scorers; damped biases where it has no answer."
    from lenskit.batch import predict
    from lenskit.data import ItemListCollection, from_interactions_df
    from lenskit.pipeline import predict_pipeline
    from lenskit.training import TrainingOptions
    names = {'user': 'user_id', 'movie': 'item_id'}
    module, _, name = scorer.partition('.')
    model = predict_pipeline(getattr(import_module(f'lenskit.{module}'), name)(**settings))
    model.train(from_interactions_df(train.rename(columns=names)), TrainingOptions(rng=SEED))

    def ratings():
        asked = pairs.rename(columns=names)
        scores = predict(model, ItemListCollection.from_df(asked, 'user_id'), n_jobs=1).to_df()
        return filled(asked.merge(scores, how='left').score.to_numpy(), train, pairs)
    return ratings


def cornac(train, pairs, **settings):
    "Stochastic gradient descent in compiled code; the mean of all for unknown movies."
    from cornac.data import Dataset
    from cornac.models import MF
    data = Dataset.from_uir(list(zip(train.user, train.movie, train.rating)), seed=SEED)
    model = MF(**settings, seed=SEED if n_threads() == 1 else None, num_threads=n_threads())
    model.fit(data)
    places = [pairs[name].map(known).fillna(len(known)).astype(int)
              for name, known in (('user', data.uid_map), ('movie', data.iid_map))]
    return lambda: [model.rate(u, i) for u, i in zip(*places)]


def myfm(train, pairs, draws):
    "Bayesian matrix factorisation by Gibbs sampling: the mean over the draws."
    from myfm import MyFMRegressor
    from myfm.utils.encoders import CategoryValueToSparseEncoder, DataFrameEncoder
    code = DataFrameEncoder()
    for name in ('user', 'movie'):
        code.add_column(name, CategoryValueToSparseEncoder(train[name]))
    model = MyFMRegressor(rank=10, random_seed=SEED)
    model.fit(code.encode_df(train), train.rating.to_numpy(float), n_iter=draws,
              group_shapes=code.encoder_shapes)
    return lambda: model.predict(code.encode_df(pairs), n_workers=n_threads())


def myfm_more(train, pairs, draws, tables=None, ordered=False):
    """The same; a user is also the set of movies rated, and a movie that of its users. With
    `tables` they are their columns too, with days a rating is its day; ordered: stars as steps."""
    import numpy as np
    import scipy.sparse as sp
    from myfm import MyFMOrderedProbit, MyFMRegressor, RelationBlock
    from myfm.utils.encoders import CategoryValueToSparseEncoder as Codes
    frames = dict(zip(('user', 'movie'), tables or (None, None)))
    codes = {n: Codes(train[n] if f is None else f.index) for n, f in frames.items()}
    seen = codes['user'].to_sparse(train.user).T @ codes['movie'].to_sparse(train.movie)
    parts = {n: [sp.identity(len(codes[n])), sp.diags(s.getnnz(1).clip(1)**-.5) @ s]
             + ([] if frames[n] is None else myfm_columns(frames[n]))
             for n, s in (('user', seen.tocsr()), ('movie', seen.T.tocsr()))}
    made = {n: sp.hstack(some, format='csr') for n, some in parts.items()}
    days = Codes(train.day) if 'day' in train else None

    def of(frame):
        blocks = [RelationBlock([codes[n][v] for v in frame[n]], made[n]) for n in codes]
        return None if days is None else days.to_sparse(frame.day), blocks

    shapes = [] if days is None else [len(days)]
    shapes += [part.shape[1] for some in parts.values() for part in some]
    stars, level = np.unique(train.rating, return_inverse=True)
    model = (MyFMOrderedProbit if ordered else MyFMRegressor)(rank=10, random_seed=SEED)
    model.fit(of(train)[0], level if ordered else train.rating.to_numpy(float), of(train)[1],
              n_iter=draws, group_shapes=shapes)
    if ordered: return lambda: model.predict_proba(*of(pairs), n_workers=n_threads()) @ stars
    return lambda: model.predict(*of(pairs), n_workers=n_threads())


def myfm_columns(frame) -> list:  # of (1 + n, ...) matrices; the first row is for the unknown
    "Each column in myFM's own way: numbers in bins, categories, several categories."
    import scipy.sparse as sp
    from myfm.utils.encoders import (BinningEncoder, CategoryValueToSparseEncoder,
                                     MultipleValuesToSparseEncoder)
    made = []
    for name, values in frame.sort_index().items():
        kind = (BinningEncoder if values.dtype.kind in 'if' else MultipleValuesToSparseEncoder
                if values.str.contains('|', regex=False).any() else CategoryValueToSparseEncoder)
        more = dict(sep='|') if kind is MultipleValuesToSparseEncoder else {}
        made.append(kind(values, **more).to_sparse(values))
    return [sp.vstack([sp.csr_matrix((1, one.shape[1])), one]) for one in made]


COMPILED = dict(library='collabdive', imports=(
    'collabdive.sgd', 'collabdive.als', 'collabdive.neighbours', 'scipy.sparse'))
DRAWN = dict(library='collabdive', sampling=True, compiles=True, imports=(
    'collabdive.bayes', 'collabdive.side_information'))
AS_INSTALLED, QUICK = 'fastai as installed', 'collabdive fit_quick'  # the ratios' denominators
CONTENDERS = {
    AS_INSTALLED: Contender(fastai, 'fastai'),
    'fastai, dl_type=TabDataLoader': Contender(
        fastai, 'fastai', dict(dl_type='TabDataLoader'), slow=True),
    "collabdive, the book's settings": Contender(book, 'collabdive'),
    QUICK: Contender(quick, 'collabdive'),
    f'{QUICK}, 3072 a batch': Contender(
        quick, 'collabdive', dict(bs=3072, epochs=4, n_factors=60, lr=.04, wd=1.4)),
    f'{QUICK}, 512 a batch': Contender(
        quick, 'collabdive', dict(bs=512, epochs=6, n_factors=100, lr=.0085, wd=.9)),
    f'{QUICK}, mean of 5': Contender(quick, 'collabdive', dict(n_models=5)),
    'collabdive sgd': Contender(
        by_hand, settings=dict(module='sgd', name='sgd'), compiles=True, **COMPILED),
    'collabdive als': Contender(by_hand, settings=dict(module='als', name='als'), **COMPILED),
    'collabdive als, 20 factors': Contender(
        by_hand, settings=dict(module='als', name='als', n_factors=20), **COMPILED),
    'collabdive item_neighbours': Contender(
        by_hand, settings=dict(module='neighbours', name='item_neighbours'), **COMPILED),
    'collabdive bayes_mf, 50 draws': Contender(bayes, settings=dict(draws=50), **DRAWN),
    'collabdive bayes_mf, 100 draws': Contender(bayes, settings=dict(draws=100), **DRAWN),
    'collabdive bayes_mf, 6 draws, implicit': Contender(
        bayes, settings=dict(draws=6, burn_in=4, implicit=True), uses=SETS, **DRAWN),
    'collabdive bayes_mf, 12 draws, implicit': Contender(
        bayes, settings=dict(draws=12, burn_in=4, implicit=True), uses=SETS, **DRAWN),
    'collabdive bayes_mf, 50 draws, implicit': Contender(
        bayes, settings=dict(draws=50, implicit=True), uses=SETS, **DRAWN),
    'collabdive bayes_mf, 100 draws, columns': Contender(
        bayes, settings=dict(draws=100, n_factors=16, implicit=True), uses=WITH_COLUMNS, **DRAWN),
    'collabdive bayes_mf, 250 draws, columns': Contender(
        bayes, settings=dict(draws=250, n_factors=16, implicit=True), uses=WITH_COLUMNS, slow=True,
        **DRAWN),
    'collabdive bayes_mf, 3 x 180 draws, day': Contender(
        bayes_mean, settings=dict(draws=180), uses=WITH_DAY, slow=True, **DRAWN),
    'Surprise BaselineOnly': Contender(
        surprise, 'scikit-surprise', dict(algorithm='BaselineOnly')),
    'Surprise KNNBaseline, items': Contender(surprise, 'scikit-surprise', dict(
        algorithm='KNNBaseline', sim_options=dict(name='pearson_baseline', user_based=False))),
    'Surprise SVD': Contender(surprise, 'scikit-surprise', dict(algorithm='SVD')),
    'Surprise SVD, 50 factors': Contender(surprise, 'scikit-surprise', dict(
        algorithm='SVD', n_factors=50, n_epochs=60, reg_all=.09)),
    'Surprise SVD, 200 factors': Contender(surprise, 'scikit-surprise', dict(
        algorithm='SVD', n_factors=200, n_epochs=100, reg_all=.1, init_std_dev=.05)),
    'Surprise SVD++': Contender(
        surprise, 'scikit-surprise', dict(algorithm='SVDpp'), SETS),
    'cmfrec ALS, 10 factors': Contender(cmfrec, 'cmfrec', dict(k=10)),
    'cmfrec ALS, 40 factors, implicit': Contender(
        cmfrec, 'cmfrec', dict(k=40, lambda_=15., add_implicit_features=True), SETS),
    'cmfrec ALS, 10 factors, implicit': Contender(
        cmfrec, 'cmfrec', dict(k=10, lambda_=15., add_implicit_features=True), SETS),
    'LensKit BiasedMF ALS': Contender(lenskit, 'lenskit'),
    'LensKit ItemKNN': Contender(lenskit, 'lenskit', dict(scorer='knn.ItemKNNScorer')),
    'cornac MF, 100 factors': Contender(cornac, 'cornac', dict(
        k=100, max_iter=50, learning_rate=.01, lambda_reg=.1)),
    'cornac MF, 200 factors': Contender(cornac, 'cornac', dict(
        k=200, max_iter=100, learning_rate=.005, lambda_reg=.1)),
    'myFM, 100 draws': Contender(myfm, 'myfm', dict(draws=100), sampling=True),
    'myFM, 512 draws': Contender(myfm, 'myfm', dict(draws=512), sampling=True, slow=True),
    'myFM, 30 draws, implicit': Contender(myfm_more, 'myfm', dict(draws=30), SETS, sampling=True),
    'myFM, 100 draws, implicit': Contender(
        myfm_more, 'myfm', dict(draws=100), SETS, sampling=True),
    'myFM, 512 draws, implicit': Contender(
        myfm_more, 'myfm', dict(draws=512), SETS, sampling=True, slow=True),
    'myFM, 100 draws, columns': Contender(
        myfm_more, 'myfm', dict(draws=100), WITH_COLUMNS, sampling=True, slow=True),
    'myFM, 512 draws, columns': Contender(
        myfm_more, 'myfm', dict(draws=512), WITH_COLUMNS, sampling=True, slow=True),
    'myFM, 100 draws, day': Contender(
        myfm_more, 'myfm', dict(draws=100), WITH_DAY, sampling=True, slow=True),
    'myFM, 512 draws, day': Contender(
        myfm_more, 'myfm', dict(draws=512), WITH_DAY, sampling=True, slow=True),
    'myFM, 512 draws, day, ordered': Contender(
        myfm_more, 'myfm', dict(draws=512, ordered=True), WITH_DAY, sampling=True, slow=True)}

MILLION = {  # on MovieLens 1M; longer draws, which take minutes there, are in results/bayes.json
    **{name: CONTENDERS[name] for name in (
        QUICK, 'collabdive sgd', 'collabdive als', 'collabdive item_neighbours',
        'Surprise BaselineOnly', 'Surprise SVD', 'Surprise SVD, 50 factors',
        'cmfrec ALS, 10 factors', 'cmfrec ALS, 40 factors, implicit', 'LensKit BiasedMF ALS',
        'cornac MF, 100 factors')},
    'cornac MF, 100 factors, less decay': Contender(cornac, 'cornac', dict(
        k=100, max_iter=50, learning_rate=.01, lambda_reg=.05)),
    'collabdive bayes_mf, 50 draws of 20 factors, implicit': Contender(
        bayes, settings=dict(draws=50, n_factors=20, implicit=True), uses=SETS, **DRAWN)}

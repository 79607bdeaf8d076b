"""Do the libraries mean the same by precision, recall, NDCG and MAP? The same lists, five answers.

LensKit, implicit, recommenders and scikit-learn are called on the same lists; the recipe in
Surprise's documentation is written down here, since the package does not hold it; where its
denominator is 0 the recipe once said 1 and says 0 today. tiny: lists of three films, one person or
two each. drawn: random rankings of 60 films for 200 people. u1: rankings of all films without a
training rating, by the most rated and by PureSVD, of the first official fold, for everybody with a
hidden rating; relevant are four stars or more. rated: Surprise's recipe as its documentation uses
it, on hidden ratings alone.
recommenders' metrics need nothing but pandas and scikit-learn, while the package asks for much
more: .venv-bench/bin/pip install --no-deps recommenders==1.2.1
Writes results/conformance.json. Run: .venv-bench/bin/python benchmarks/conformance.py
"""
from functools import partial
from importlib.metadata import version

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.metrics import average_precision_score, ndcg_score, precision_score, recall_score

from collabdive.batches import collab_dls
from collabdive.data import load_movielens
from collabdive.dot_product import DotProductBias, train
from collabdive.factors import to_factors
from collabdive.recommend import pure_svd, recommend_all
from collabdive.splits import official_fold
from lists import same_for_all
from shared import options, save

LIBRARIES = 'lenskit', 'implicit', 'recommenders', 'scikit-learn', 'scikit-surprise'
FILMS = ['Alien', 'Babe', 'Cars', 'Dumbo', 'Evita']
TINY = {   # case: lists, what was liked
    'one liked': ([['Alien', 'Babe', 'Cars']], [{'Babe'}]),
    'four liked': ([['Alien', 'Babe', 'Cars']], [{'Babe', 'Cars', 'Dumbo', 'Evita'}]),
    'one and four': ([['Alien', 'Babe', 'Cars']]*2,
                     [{'Babe'}, {'Babe', 'Cars', 'Dumbo', 'Evita'}]),
    'two of three': ([['Alien', 'Babe', None]], [{'Babe'}]),
    'nobody liked': ([['Alien', 'Babe', 'Cars']]*2, [{'Babe'}, set()]),
    'no list': ([['Alien', 'Babe', 'Cars'], [None]*3], [{'Babe'}, {'Babe'}])}


def cut(lists, k: int) -> list:
    "The first k of each list, without the gaps."
    return [[item for item in row[:k] if item is not None] for row in lists]


def of_lenskit(lists, relevant, k: int, films) -> dict:
    "Its means, with its defaults; of NDCG also the one with a list of k that is told no k."
    from lenskit.data import ItemList, ItemListCollection
    from lenskit.metrics import NDCG, Precision, Recall, RunAnalysis
    from lenskit.metrics.ranking import AveragePrecision
    out, test = (ItemListCollection(['user_id']) for _ in range(2))
    for user, (row, right) in enumerate(zip(cut(lists, k), relevant)):
        out.add(ItemList(item_ids=row, ordered=True), user_id=user)
        test.add(ItemList(item_ids=sorted(right)), user_id=user)

    def mean(metric):
        try: return float(RunAnalysis(metric).measure(out, test).list_summary()['mean'].item())
        except ZeroDivisionError: return None       # of somebody with nothing relevant
    return dict(precision=mean(Precision(k)), recall=mean(Recall(k)), ndcg=mean(NDCG(k)),
                map=mean(AveragePrecision(k)), **{'ndcg, uncut': mean(NDCG())})


def of_implicit(lists, relevant, k: int, films) -> dict:
    "It asks a model for lists: here is one that has them."
    from implicit.evaluation import ranking_metrics_at_k
    place = {film: row for row, film in enumerate(films)}
    rows = np.array([[place.get(item, -1) for item in row[:k]] for row in lists], 'int32')
    class Listed:
        def recommend(self, users, user_items, N): return rows[users, :N], np.zeros((len(users), N))
    liked = [(user, place[item]) for user, right in enumerate(relevant) for item in right]
    test = csr_matrix((np.ones(len(liked)), np.array(liked, 'int32').T), (len(lists), len(films)))
    found = ranking_metrics_at_k(Listed(), csr_matrix(test.shape), test, k, show_progress=False)
    return {name: found[name] for name in ('precision', 'ndcg', 'map')}


def of_recommenders(lists, relevant, k: int, films) -> dict:
    "Its `map` and its newer `map_at_k`; frames of pairs."
    from recommenders.evaluation import python_evaluation as theirs
    shown = pd.DataFrame([(user, item, -place) for user, row in enumerate(cut(lists, k))
                          for place, item in enumerate(row)],
                         columns=['userID', 'itemID', 'prediction'])
    liked = pd.DataFrame([(user, item, 1.) for user, right in enumerate(relevant)
                          for item in sorted(right)], columns=['userID', 'itemID', 'rating'])
    return {name: float(getattr(theirs, function)(liked, shown, k=k)) for name, function in dict(
        precision='precision_at_k', recall='recall_at_k', ndcg='ndcg_at_k', map='map_at_k',
        **{'map, uncut': 'map'}).items()}


def of_sklearn(lists, relevant, k: int, films) -> dict:
    "Tables of people by films; its mean precision looks at the whole ranking, not at k places."
    right = np.array([[film in liked for film in films] for liked in relevant])
    score = np.zeros(right.shape)
    for row, items in zip(score, lists):
        for place, item in enumerate(items):
            if item is not None: row[films.index(item)] = len(films) - place
    listed = score > len(films) - k
    settings = dict(average='samples', zero_division=0)
    return dict(precision=precision_score(right, listed, **settings),
                recall=recall_score(right, listed, **settings), ndcg=ndcg_score(right, score, k=k),
                map=average_precision_score(right, score, average='samples'))


def recipe(predictions, k: int, empty: float, threshold: float = 4.) -> dict:
    "Surprise's FAQ, in short: precision and recall of (user, stars, predicted); empty: 0 of 0."
    found = []
    for _, own in predictions.groupby('user'):
        top = own.sort_values('predicted', ascending=False, kind='stable')[:k]
        listed = top[top.predicted >= threshold]
        good, n = (listed.stars >= threshold).sum(), (own.stars >= threshold).sum()
        found.append([good/len(listed) if len(listed) else empty, good/n if n else empty])
    return dict(zip(('precision', 'recall'), np.mean(found, 0).tolist()))


def of_surprise(lists, relevant, k: int, films, empty: float = 0.) -> dict:
    "The recipe on the same lists: what is listed is predicted to be liked, the rest is not."
    rows = []
    for user, (row, right) in enumerate(zip(cut(lists, k), relevant)):
        rows += [(user, 5.*(item in right), 5 - place/len(films)) for place, item in enumerate(row)]
        rows += [(user, 5., 0.) for item in right - {*row}]
    return recipe(pd.DataFrame(rows, columns=['user', 'stars', 'predicted']), k, empty)


ASKED = {'LensKit': of_lenskit, 'implicit': of_implicit, 'recommenders': of_recommenders,
         'scikit-learn': of_sklearn, 'Surprise': of_surprise,
         'Surprise, once': partial(of_surprise, empty=1.)}


def answers(lists, relevant, k: int, films) -> list:
    "What each says of these lists; None where it fails."
    return [dict(library=name, metric=metric, value=None if value is None else float(value))
            for name, ask in ASKED.items()
            for metric, value in ask(lists, relevant, k, films).items()]


def drawn(n: int = 200, n_films: int = 60) -> tuple:
    "Rankings of all films, and from none to a fifth of them liked."
    rng = np.random.default_rng(0)
    lists = [rng.permutation(n_films).tolist() for _ in range(n)]
    return lists, [set(np.flatnonzero(rng.random(n_films) < .2*rng.random()).tolist())
                   for _ in range(n)]


def by_recipe(model, hidden, mean: float) -> list:
    "Surprise's recipe where its documentation uses it: on the hidden ratings alone."
    scores = pd.DataFrame(model.score_all(model.users), model.users, model.items)
    told = scores.reindex(columns=np.unique(hidden.movie)).fillna(mean).stack()
    rows = pd.DataFrame({'user': hidden.user, 'stars': hidden.rating,
                         'predicted': told.loc[[*zip(hidden.user, hidden.movie)]].to_numpy()})
    return [dict(empty=empty, **recipe(rows, 10, empty)) for empty in (1., 0.)]


def main():
    "Ask, write, and print."
    args = options(__doc__, 'conformance.json')
    tiny = [dict(case=case, **answer) for case, (lists, relevant) in TINY.items()
            for answer in answers(lists, relevant, 3, FILMS)]
    ml = load_movielens('100k').ratings
    known, hidden = (ml.iloc[rows] for rows in official_fold(ml, 1))
    svd = pure_svd(known, item_name='movie')
    dls = collab_dls(ml, item_name='movie', splits=official_fold(ml, 1), bs=512)
    models = {'most rated': same_for_all(svd, svd.item_counts), 'PureSVD': svd,
              'dot product': to_factors(train(DotProductBias, dls, seed=1))}
    liked = hidden.groupby('user').apply(lambda own: {*own.movie[own.rating >= 4]},
                                         include_groups=False)
    u1 = [dict(model=name, **answer) for name in ('most rated', 'PureSVD') for answer in answers(
        recommend_all(models[name], liked.index, len(svd.items))[0].tolist(), liked, 10,
        sorted({*ml.movie}))]
    rated = [dict(model=name, **row) for name, model in models.items()
             for row in by_recipe(model, hidden, known.rating.mean())]
    libraries = {name: version(name) for name in LIBRARIES}
    save(args, dict(k=10, relevant=4, libraries=libraries), tiny=tiny,
         drawn=answers(*drawn(), 10, list(range(60))), u1=u1, rated=rated)
    table = pd.DataFrame(u1).pivot(index=['model', 'metric'], columns='library', values='value')
    print(table.round(4).to_string(), pd.DataFrame(rated).round(4).to_string(), sep='\n\n')


if __name__ == '__main__': main()

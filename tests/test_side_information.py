"Columns: what is made of tables, what is refused, and what they buy. Stars as steps."
import numpy as np
import pandas as pd
import pytest

from collabdive.bayes import UserNoise, bayes_mf
from collabdive.metrics import rmse
from collabdive.planted import planted_ratings
from collabdive.side_information import OrderedStars, columns_of

FILMS = pd.DataFrame({'movie': [7, 3, 9], 'year': [1990, 2000, 2010],
                      'genres': ['Drama|War', 'Comedy', 'Drama'], 'colour': ['b/w', 'yes', 'yes']})


def test_ids_stay_in_order_and_numbers_are_standardised():
    got = columns_of(FILMS, 'movie', ['year'], ['colour'], ['genres'])
    assert got.index.tolist() == [7, 3, 9] and got.index.name == 'movie'
    assert list(got) == ['year', 'colour b/w', 'colour yes', 'genres Comedy', 'genres Drama',
                         'genres War']
    assert np.allclose(got.year, np.array([-1, 0, 1])*1.5**.5) and (got.dtypes == 'float64').all()
    assert got['genres Drama'].tolist() == [1, 0, 1] and got['colour yes'].tolist() == [0, 1, 1]


def test_a_table_is_not_changed_and_its_index_does_not_matter():
    before = FILMS.copy()
    other = FILMS.set_axis([5, 5, 5])
    assert columns_of(other, 'movie', ['year']).equals(columns_of(FILMS, 'movie', ['year']))
    assert FILMS.equals(before)


def test_categories_that_are_named_make_the_same_columns_of_any_rows():
    kinds = {'genres': ['Comedy', 'Drama', 'Western', 'War']}
    for rows in (FILMS, FILMS[:1]):
        got = columns_of(rows, 'movie', many_of=kinds)
        assert list(got) == [f'genres {kind}' for kind in kinds['genres']]
    assert (got['genres Western'] == 0).all()


def test_numbers_can_be_categories():
    got = columns_of(FILMS, 'movie', one_of={'year': [1990, 2000, 2010]})
    assert np.array_equal(got, np.eye(3)) and list(got)[0] == 'year 1990'


def test_another_separator():
    table = pd.DataFrame({'item': ['a', 'b'], 'tags': ['x, y', 'y']})
    assert list(columns_of(table, 'item', many_of=['tags'], sep=', ')) == ['tags x', 'tags y']


@pytest.mark.parametrize('change, args, error, words', [
    ({'year': [1990, None, 2010]}, dict(numbers=['year']), ValueError, "1 of 3 .* 3 first"),
    ({'genres': ['Drama', '', 'War']}, dict(many_of=['genres']), ValueError, "'genres' is missing"),
    ({'colour': ['yes', 'no', None]}, dict(one_of=['colour']), ValueError, 'movie 9 first'),
    ({'year': [5, 5, 5]}, dict(numbers=['year']), ValueError, 'vary'),
    ({'year': [5, np.inf, 5]}, dict(numbers=['year']), ValueError, 'finite'),
    ({}, dict(one_of={'colour': ['yes', 'no']}), ValueError, "'b/w' of movie 7 is none of yes"),
    ({}, dict(many_of={'genres': ['Drama']}), ValueError, "genres 'Comedy' of movie 3"),
    ({}, dict(numbers=['lenght']), KeyError, 'lenght'),
    ({'movie': [7, 7, 9]}, dict(numbers=['year']), ValueError, 'movie 7 is missing or there twice'),
    ({'movie': [7, None, 9]}, dict(numbers=['year']), ValueError, 'movie nan'),
    ({}, {}, ValueError, 'name some')])
def test_what_cannot_be_a_column_is_named(change, args, error, words):
    with pytest.raises(error, match=words): columns_of(FILMS.assign(**change), 'movie', **args)


def planted(n=6000, cuts=(-1., 0., .3), seed=0):
    "Scores of 40 users, half of them with noise twice as wide, and the steps they fall on, 1..4."
    rng = np.random.default_rng(seed)
    user = rng.integers(40, size=n)
    width = np.where(np.arange(40) < 20, .7, 1.4)
    score = rng.normal(size=n)
    z = score + width[user]*rng.normal(size=n)
    return score, user, 1. + np.searchsorted(cuts, z), width


def test_cuts_and_widths_are_found():
    score, user, stars, width = planted()
    steps, rng = OrderedStars(stars, user, 41), np.random.default_rng(1)
    kept = []
    for _ in range(120):
        z, precision = steps.draw(score, rng)
        edges = np.r_[-np.inf, steps.cuts, np.inf]
        assert (edges[steps.code] <= z).all() and (z <= edges[steps.code + 1]).all()
        kept.append(steps.keep())
    kept = np.mean(kept[40:], 0)
    assert np.abs(kept[:3] - (-1, 0, .3)).max() < .1
    assert np.corrcoef(1/kept[3:43], width)[0, 1] > .9 and len(precision) == len(score)


def test_stars_are_what_such_scores_lead_to():
    _, user, stars, _ = planted()
    steps, rng = OrderedStars(stars, user, 41), np.random.default_rng(1)
    kept = np.r_[-1, 0, .3, np.full(41, 1/.7)].astype('float32')
    score = np.array([[-2., .1, 5.]])
    mean, variance = steps.stars(score, np.array([[3]]), kept)
    drawn = 1 + np.searchsorted([-1, 0, .3], score + .7*rng.normal(size=(200_000, 3)))
    assert mean.shape == variance.shape == (1, 3) and (variance >= 0).all()
    assert np.allclose(mean, drawn.mean(0), atol=.01)
    assert np.allclose(variance, drawn.var(0), atol=.01)


def test_ordered_stars_refuse_what_has_no_steps():
    with pytest.raises(ValueError, match='25 different ratings'):
        OrderedStars(np.arange(25.), np.zeros(25, int), 2)


@pytest.mark.filterwarnings('ignore:the draws have not settled')
def test_steps_of_any_width_beat_noise_on_uneven_stars():
    "Planted scores whose steps are very uneven, predicted for pairs that were left out."
    club = planted_ratings(60, 40, 1, 1800, noise=.3, seed=3)
    club['rating'] = 1. + np.searchsorted([3.2, 3.3, 4.2], club.signal + .3*np.random.default_rng(
        0).normal(size=len(club)))
    train, hidden = club[:1400], club[1400:]
    errors = [rmse(hidden.rating, bayes_mf(train, 1, 40, likelihood=kind).predict(hidden)[0])
              for kind in (OrderedStars, UserNoise)]
    assert errors[0] < errors[1] < hidden.rating.std()


@pytest.mark.filterwarnings('ignore:the draws have not settled')
def test_a_film_without_ratings_is_placed_by_its_column():
    "Two kinds of films, liked by two kinds of users; a film of each kind is new."
    rng = np.random.default_rng(0)
    user, item = (a.ravel() for a in np.mgrid[:60, :40])
    stars = 3 + np.where(user % 2 == item % 2, 1, -1) + .3*rng.normal(size=len(user))
    all_rows = pd.DataFrame({'user': user, 'item': item, 'rating': stars.clip(1, 5)})
    old = all_rows[(item < 38) & (rng.random(len(user)) < .5)]
    kinds = columns_of(pd.DataFrame({'item': range(40), 'kind': ['even', 'odd']*20}), 'item',
                       one_of=['kind'])
    new = all_rows[item >= 38]
    with_kind = bayes_mf(old, 2, 40, item_columns=kinds).predict(new)[0]
    assert rmse(new.rating, with_kind) < .6 < rmse(new.rating, bayes_mf(old, 2, 40).predict(new)[0])

"What the assertions of a code cell compare with: numbers, and bounds around them."
import ast
import re
from dataclasses import dataclass

CHECKS = 'expect_fail', 'test_eq', 'test_close', 'test_fail', 'prove', 'raises'
ABS = {'abs', 'absolute', 'fabs'}
SLACK = 1.25   # a bound on one side may be a quarter off: `> .8` goes with .9, `> .5` does not
COLLECTIONS = ast.List, ast.Tuple, ast.Dict, ast.Set
OPERATORS = {ast.Add: '__add__', ast.Sub: '__sub__', ast.Mult: '__mul__', ast.Div: '__truediv__',
             ast.Pow: '__pow__'}


@dataclass(frozen=True)
class Exact:
    "Compared with `value`, give or take `within`, which is at most half of it."
    value: float
    within: float = 0

    def holds(self, x: float, unit: float) -> bool:
        "Does this assert the number x, written with a last digit worth 2*unit? Signs are ignored."
        near = abs(abs(self.value) - x) <= max(unit, self.within) + 1e-12
        return near and self.within <= x/2


@dataclass(frozen=True)
class Between:
    "Asserted to lie between two bounds, not farther apart than the number is large."
    low: float
    high: float

    def holds(self, x: float, unit: float) -> bool:
        "Does this assert the number x?"
        if self.low*self.high < 0: return False
        low, high = sorted((abs(self.low), abs(self.high)))
        return low - unit <= x <= high + unit and high - low <= x


@dataclass(frozen=True)
class Bound:
    "Asserted to lie above `value` (side 1), below it (-1); 0: next to it in some expression."
    value: float
    side: int = 0

    def holds(self, x: float, unit: float) -> bool:
        "Is this a bound for x that is near it?"
        c, side = abs(self.value), self.side if self.value >= 0 else -self.side
        if side == 1: return x/SLACK - unit <= c <= x + unit
        if side == -1: return x - unit <= c <= x*SLACK + unit
        if x < 20 and x == int(x) and c == int(c): return c == x
        return x/SLACK <= c <= x*SLACK


def assertions(tree: ast.AST) -> list:
    "All that the tree's assertions and calls of checking functions compare with."
    known, found = assigned_literals(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Name):
            found += compared(node.test, known)
        elif isinstance(node, ast.For) and any(isinstance(n, ast.Assert) for n in ast.walk(node)):
            found += [Exact(x) for x in inside(node.iter, known)]
        elif isinstance(node, ast.Call) and called(node) in CHECKS:
            for arg in (*node.args, *(k.value for k in node.keywords)):
                found += compared(arg, known) + quoted(arg)
    return found


def called(node: ast.AST) -> str:
    "The last part of the name that the node calls; empty where it calls none."
    if not isinstance(node, ast.Call): return ''
    return getattr(node.func, 'attr', None) or getattr(node.func, 'id', '')


def assigned_literals(tree: ast.AST) -> dict:
    "Names that the tree assigns a literal: name -> the literal's node."
    return {target.id: node.value for node in ast.walk(tree) if isinstance(node, ast.Assign)
            and isinstance(node.value, (ast.Constant, ast.UnaryOp, *COLLECTIONS))
            for target in node.targets if isinstance(target, ast.Name)}


def value(node: ast.AST, known: dict):
    "The value of an expression made of literals alone; None for all others."
    if isinstance(node, ast.Name) and node.id in known: return value(known[node.id], {})
    if isinstance(node, ast.Constant):
        return float(node.value) if type(node.value) in (int, float) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = value(node.operand, known)
        return None if inner is None else -inner
    if not isinstance(node, ast.BinOp) or type(node.op) not in OPERATORS: return None
    a, b = value(node.left, known), value(node.right, known)
    if a is None or b is None: return None
    try: result = getattr(a, OPERATORS[type(node.op)])(b)
    except ArithmeticError: return None
    return result if isinstance(result, float) else None


def parts(node: ast.AST) -> list:
    "Children of a node in which a compared number may stand: no index, keyword or exponent."
    if isinstance(node, ast.Subscript): return [node.value]
    if isinstance(node, ast.Call):
        if called(node) == 'dict': return [k.value for k in node.keywords]
        owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return owner + (node.args[:1] if called(node) == 'round' else node.args)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow): return [node.left]
    loops = getattr(node, 'generators', [])
    return [n for n in ast.iter_child_nodes(node) if n not in loops] + [c.iter for c in loops]


def sizes(node: ast.AST) -> list:
    "The length of a list, tuple, set or dict that is written out."
    if not isinstance(node, COLLECTIONS): return []
    return [float(len(node.keys if isinstance(node, ast.Dict) else node.elts))]


def inside(node: ast.AST, known: dict) -> list:
    "All numbers in an expression, the values of its sums of literals, the lengths of its lists."
    if isinstance(node, ast.Name) and node.id in known: return inside(known[node.id], {})
    own = [x for x in [value(node, known)] if x is not None]
    if isinstance(node, (ast.Constant, ast.UnaryOp)) and own: return own
    return own + sizes(node) + [x for child in parts(node) for x in inside(child, known)]


def compared(node: ast.AST, known: dict) -> list:
    "What one asserted expression compares with."
    if value(node, known) is not None or isinstance(node, (*COLLECTIONS, ast.Name)):
        return [Exact(x) for x in inside(node, known)]
    found = chain(node, known) if isinstance(node, ast.Compare) else []
    if called(node) == 'between' and len(node.args) == 2:
        ends = [value(arg, known) for arg in node.args]
        if None not in ends: return [Between(*ends)] + compared(node.func.value, known)
    for child in parts(node):
        if value(child, known) is None or not isinstance(node, ast.Compare):
            found += compared(child, known)
    return found


def chain(node: ast.Compare, known: dict) -> list:
    "What the numbers of a comparison say of the rest; it may have several signs, `a < x < b`."
    sides = [node.left, *node.comparators]
    ends = [value(side, known) for side in sides]
    found = []
    for k, op in enumerate(node.ops):
        low, high = (k, k + 1) if isinstance(op, (ast.Lt, ast.LtE)) else (k + 1, k)
        found += pair(sides[low], sides[high], ends[low], ends[high], known) if isinstance(
            op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) else [
            Exact(x) for side in (sides[k], sides[k + 1]) for x in inside(side, known)]
    if all(isinstance(op, (ast.Lt, ast.LtE)) for op in node.ops):
        literal = [x for x in ends if x is not None]
        found += [Between(a, b) for a, b in zip(literal, literal[1:]) if a < b]
    return found


def pair(low: ast.AST, high: ast.AST, a: float, b: float, known: dict) -> list:
    "What `low < high` says, a and b being their values where they are literals."
    if b is not None and (centres := distances(low, known)): return [Exact(c, b) for c in centres]
    if a is not None: return [Bound(a, 1)]
    if b is not None: return [Bound(b, -1)]
    return [Bound(x) for side in (low, high) for x in inside(side, known)]


def distances(node: ast.AST, known: dict) -> list:
    "The literals c of `abs(x - c)`, `(x - c).abs().max()` and the like."
    if not ABS & {called(n) for n in ast.walk(node)}: return []
    return [x for n in ast.walk(node) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Sub)
            for x in inside(n.right, known) + inside(n.left, known)]


def quoted(node: ast.AST) -> list:
    "Numbers in a text, such as the one that an expected error must hold."
    texts = [n.value for n in ast.walk(node)
             if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [Exact(float(x.replace(',', ''))) for text in texts
            for x in re.findall(r'\d[\d,]*(?:\.\d+)?', text)]


def literals(tree: ast.AST) -> set:
    "All numbers that stand in the code, without signs, and the lengths of its lists."
    return {abs(x) for node in ast.walk(tree) for x in [value(node, {}), *sizes(node)]
            if x is not None}

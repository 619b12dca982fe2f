from stillwatch.flows.inspect import read as read
from stillwatch.library.calls import scan as scan
from stillwatch.library.calls import score as score
from stillwatch.library.calls import simulate as simulate
from stillwatch.library.calls import sketch as sketch
from stillwatch.library.results import Campaign as Campaign
from stillwatch.library.results import Results as Results
from stillwatch.library.results import open_results as open_results
from stillwatch.library.table import Table as Table
from stillwatch.library.watching import watch as watch

__version__: str

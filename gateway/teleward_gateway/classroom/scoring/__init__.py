"""Score of an encounter: a pure function of its case and its log, in which every point is a line.

`encounter` reads the log, `due` finds when a mark was due by what the learner was shown, `marks`
gives each mark its line, `talk` and `thoughts` the others, `formula` adds them up and `report` is
all of it. `archetypes` plays six kinds of learners against a case, so that an author sees what
the score rewards.
"""

from teleward_gateway.classroom.scoring.report import Report as Report
from teleward_gateway.classroom.scoring.report import report_of as report_of

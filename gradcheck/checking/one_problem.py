from gradcheck.checking.problem import Checked as Checked
from gradcheck.checking.problem import check_problem as check_problem

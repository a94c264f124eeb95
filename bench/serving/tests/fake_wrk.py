"""A wrk that answers what FAKE_WRK says, and fails where its caller left out what score.lua reads."""
import os
import sys

users, items, candidates = os.environ["LSK_USERS"], os.environ["LSK_ITEMS"], os.environ["LSK_CANDIDATES"]
if open(users).read() != "user0\nuser1\nuser2\n" or items != "321" or not candidates.isdigit():
    sys.exit("score.lua was given other users, items or candidates than there are")
print("Running 1s test\n" + os.environ["FAKE_WRK"])

"""What the exit code of every command says.

| code | meaning |
|---|---|
| 0 | done, whatever was found |
| 1 | failed: a file, a folder, a stream or the machine is not as the command needs it |
| 2 | wrong usage: the command line itself cannot be, whatever the files hold |
| 3 | a campaign was found, and `--fail-on-campaign` was given |
| 130, 143 | stopped by SIGINT or SIGTERM (129 by SIGHUP): 128 and the number of the signal |
"""

DONE, CAMPAIGN_FOUND = 0, 3  # the others stand with what they are raised for: `errors`, `cli.stops`

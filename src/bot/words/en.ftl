# ---- plans ----
plan-title = Plan for { $guild }
plan-nothing = { $guild } is as its manifest says
plan-counts = { $creates } to create, { $changes } to change, { $deletes } to delete, { $moves } to reorder.
plan-remarks = Worth knowing:
plan-waits = This plan waits for somebody’s approval.
plan-in-file = All of it is in the file.
plan-refused = This cannot be done as it is:
plan-risks = What it means for people:
plan-version = Revision { $revision }, plan { $digest }.
plan-from-git = It is made by itself when its time comes.
# ---- how it stands ----
status-title = { $guild }: { $state }
status-unknown = { $guild } was not looked at yet
status-since = Since { $since }, looked at { $seen }.
status-revision = At { $revision } from { $source }.
status-no-revision = no revision
status-drift = Changed in Discord and not in the manifest:
status-waiting = { $count ->
    [one] A plan waits for approval: `/setai approve`
   *[other] { $count } plans wait for approval: `/setai approve`
}
state-ready = in order
state-reconciling = being changed
state-drifted = changed in Discord
state-awaiting-approval = waiting for approval
state-stalled = stuck
state-suspended = left alone
# ---- drift ----
drift-none = Nothing was changed in { $guild } by hand
drift-title = { $guild } differs from its manifest
drift-how = These lines would bring it back.
drift-who = Changed last by:
drift-by = { $object }: { $who } { $when }
drift-ignored = { $count ->
    [one] The difference is well as it is now
   *[other] { $count } differences are well as they are now
}
# ---- history ----
history-title = What was applied in { $guild }
history-none = Nothing was applied in { $guild } yet
history-line = `{ $run }` { $when } { $verdict }: { $done } done, { $failed } failed, by { $author }
history-back = takes back `{ $run }`
run-title = Run { $run }: { $verdict }
verdict-succeeded = done
verdict-partial = done in part
verdict-failed = failed
verdict-interrupted = broken off
verdict-open = not finished
# ---- approvals ----
approve-title = This plan for { $guild } waits
approve-none = No plan waits in { $guild }
approve-sure = Really approve?
approve-sure-text = Exactly the plan { $digest } is applied then, and nothing else.
approve-done = Approved
approve-done-text = The plan { $digest } is applied if nothing changed meanwhile. `/setai status` shows how far it is.
# ---- reverting ----
revert-sure = Really change it back?
revert-sure-text = Exactly the plan { $digest } is applied then, and what was changed by hand is lost.
applied-title = Done: { $done } of { $all } steps
applied-run = Run `{ $run }`.
applied-partly = Not all of it could be done: { $remark }
# ---- rollback ----
rollback-title = Take back run { $run }?
rollback-text = The guild is left alone afterwards until `/setai resume`, because its manifest still says what is taken back. Change the manifest too.
rollback-nothing = There is nothing to take back of run { $run }
# ---- leaving alone ----
suspend-done = { $guild } is left alone
suspend-until = Until { $until }. A request that is under way is not stopped.
suspend-open = Until `/setai resume`. A request that is under way is not stopped.
suspend-reason-missing = no reason given
resume-done = { $guild } is looked after again
resume-was-not = { $guild } was not left alone
# ---- proposals ----
propose-form = What should change?
propose-field = In plain words
propose-title = Proposal for { $guild }
propose-understood = Understood ({ $sure } % sure):
propose-not-understood = Not understood:
propose-part = “{ $part }”: { $why }
propose-nothing = That comes to no change
propose-nothing-text = Say it in other words, one wish to a sentence, with names as they are here.
propose-nothing-rules = It has to be said in English here: the operator has set no language model (`ai`).
propose-nothing-preferred = It has to be said in English: you prefer that no language model reads it (`/setai preferences`).
propose-ambiguous = It could mean several things. Choose what you mean:
propose-same = The manifest says all of this already
propose-plan = When it is merged: { $counts }
propose-no-forge = It cannot be proposed from here: the source `{ $source }` has no `forge` in the operator’s file.
propose-off = Plain words are switched off here (`feature_flags.natural_language_processing`)
propose-empty = The request is empty
propose-empty-text = Say what should change, such as: add a text channel lounge.
propose-long = The request has { $length } characters; at most { $most } are read
propose-unsure = Is this what you mean?
propose-refused = This cannot be proposed:
propose-refused-text = Nothing was written. Ask for less or for something else, or change the manifest by hand.
propose-file = The change of the files is attached.
propose-outdated = The manifest changed since this was shown
propose-outdated-text = Use `/setai propose` again, and look at what comes of it now.
opened-title = Proposed: { $title }
opened-text = [The pull request]({ $url }) waits for a review. Merging it changes the guild.
opened-branch = The branch `{ $branch }` has it. Merging it changes the guild.
opened-updated = It was open already and has the new change now.
adopted-title = Nothing to adopt
# ---- preferences ----
preferences-title = What you prefer
preferences-saved = Saved
preferences-zone = Times are told for { $zone }.
preferences-sure = Proposals less than { $sure } % sure are asked about.
preferences-models = A language model may read your requests, where the operator has set one.
preferences-no-models = No language model reads your requests.
preferences-no-zone = There is no time zone “{ $zone }”
preferences-no-zone-text = They are called as in `Europe/Berlin`; the list shows them while you type. Nothing was changed.
# ---- buttons ----
button-approve = Approve this plan
button-approve-sure = Yes, approve { $digest }
button-revert = Change back
button-revert-sure = Yes, change it back
button-adopt = Keep it (pull request)
button-ignore = It is fine
button-rollback = Yes, take it back
button-open = Open a pull request
button-never = No
button-typed = Show the answer
never-done = Nothing was done
typed-title = { $name }, press to see the answer. Only you will.
# ---- what cannot be ----
trouble-title = That did not work
trouble-unmanaged = No manifest of this server is known here. The operator names its source in the file of `setai run`.
trouble-run = There is no run `{ $run }` here. `/setai history` lists them.
trouble-plan = No plan `{ $plan }` waits here. `/setai approve` shows the one that does.
trouble-closed = This plan waits no more: it is { $how }.
trouble-suspended = This server is left alone ({ $reason }), so nothing was done. `/setai resume` comes first.
trouble-changed = The server or its manifest changed since this was shown, so nothing was done. Ask again, and look at what is different.
trouble-rejected = Nobody may approve this as it is:
trouble-busy = Somebody else is changing this server just now. Try again in a minute.
trouble-source = Try again in a few minutes. If it stays like this, tell the operator.
trouble-forge-waiting = Press the button again in a few minutes. What was begun is gone on with, and nothing is made twice.
trouble-forge-stalled = When you or the operator have put that right, press the button again. Nothing is made twice.
refused-title = You may not do that
refused-look = It takes the permission to manage channels, roles or the server, or the operator’s word (`approvals.approvers`).
refused-operate = It takes the permission “administrator”, or the operator’s word (`approvals.approvers`).
refused-restricted = What is set for this server leaves it to administrators (`moderation.restricted_commands`).
limited-title = Too many commands
limited-text = Try again { $when }.
misuse-title = This is not understood
misuse-command = This command is of another version. It will be right in a minute; if it is not, the bot was not started anew.
misuse-button = This button is of another version. Use the command again.
misuse-private = Commands work in servers only.
misuse-text = That is no command. These are:
misuse-not-yours = Somebody else typed this. Type it yourself, or use `/setai`.

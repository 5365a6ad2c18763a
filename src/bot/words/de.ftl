# ---- plans ----
plan-title = Plan für { $guild }
plan-nothing = { $guild } ist, wie es im Manifest steht
plan-counts = { $creates } anzulegen, { $changes } zu ändern, { $deletes } zu löschen, { $moves } umzuordnen.
plan-remarks = Gut zu wissen:
plan-waits = Dieser Plan wartet auf eine Zustimmung.
plan-in-file = Alles steht in der Datei.
plan-refused = So geht das nicht:
plan-risks = Was das für die Leute bedeutet:
plan-version = Stand { $revision }, Plan { $digest }.
plan-from-git = Er wird von selbst ausgeführt, wenn es an der Zeit ist.
# ---- how it stands ----
status-title = { $guild }: { $state }
status-unknown = { $guild } wurde noch nicht angesehen
status-since = Seit { $since }, angesehen { $seen }.
status-revision = Stand { $revision } aus { $source }.
status-no-revision = kein Stand
status-drift = In Discord geändert und nicht im Manifest:
status-waiting = { $count ->
    [one] Ein Plan wartet auf Zustimmung: `/setai approve`
   *[other] { $count } Pläne warten auf Zustimmung: `/setai approve`
}
state-ready = in Ordnung
state-reconciling = wird geändert
state-drifted = in Discord geändert
state-awaiting-approval = wartet auf Zustimmung
state-stalled = steckt fest
state-suspended = wird in Ruhe gelassen
# ---- drift ----
drift-none = In { $guild } wurde nichts von Hand geändert
drift-title = { $guild } weicht vom Manifest ab
drift-how = Diese Zeilen brächten es zurück.
drift-who = Zuletzt geändert von:
drift-by = { $object }: { $who } { $when }
drift-ignored = { $count ->
    [one] Der Unterschied gilt jetzt als richtig
   *[other] { $count } Unterschiede gelten jetzt als richtig
}
# ---- history ----
history-title = Was in { $guild } ausgeführt wurde
history-none = In { $guild } wurde noch nichts ausgeführt
history-line = `{ $run }` { $when } { $verdict }: { $done } getan, { $failed } gescheitert, durch { $author }
history-back = nimmt `{ $run }` zurück
run-title = Lauf { $run }: { $verdict }
verdict-succeeded = getan
verdict-partial = zum Teil getan
verdict-failed = gescheitert
verdict-interrupted = abgebrochen
verdict-open = nicht zu Ende
# ---- approvals ----
approve-title = Dieser Plan für { $guild } wartet
approve-none = In { $guild } wartet kein Plan
approve-sure = Wirklich zustimmen?
approve-sure-text = Dann wird genau der Plan { $digest } ausgeführt und nichts anderes.
approve-done = Zugestimmt
approve-done-text = Der Plan { $digest } wird ausgeführt, wenn sich inzwischen nichts geändert hat. `/setai status` zeigt, wie weit er ist.
# ---- reverting ----
revert-sure = Wirklich zurück ändern?
revert-sure-text = Dann wird genau der Plan { $digest } ausgeführt, und was von Hand geändert wurde, geht verloren.
applied-title = Getan: { $done } von { $all } Schritten
applied-run = Lauf `{ $run }`.
applied-partly = Nicht alles ließ sich tun: { $remark }
# ---- rollback ----
rollback-title = Lauf { $run } zurücknehmen?
rollback-text = Danach wird der Server in Ruhe gelassen bis `/setai resume`, denn im Manifest steht noch, was zurückgenommen wird. Ändere auch das Manifest.
rollback-nothing = Von Lauf { $run } ist nichts zurückzunehmen
# ---- leaving alone ----
suspend-done = { $guild } wird in Ruhe gelassen
suspend-until = Bis { $until }. Eine Anfrage, die unterwegs ist, wird nicht aufgehalten.
suspend-open = Bis `/setai resume`. Eine Anfrage, die unterwegs ist, wird nicht aufgehalten.
suspend-reason-missing = kein Grund genannt
resume-done = { $guild } wird wieder betreut
resume-was-not = { $guild } wurde gar nicht in Ruhe gelassen
# ---- proposals ----
propose-form = Was soll sich ändern?
propose-field = In einfachen Worten
propose-title = Vorschlag für { $guild }
propose-understood = Verstanden (zu { $sure } % sicher):
propose-not-understood = Nicht verstanden:
propose-part = „{ $part }“: { $why }
propose-nothing = Daraus ergibt sich keine Änderung
propose-nothing-text = Sag es anders, ein Wunsch je Satz, mit den Namen, die es hier gibt.
propose-nothing-rules = Hier geht das nur auf Englisch: Der Betreiber hat kein Sprachmodell eingerichtet (`ai`).
propose-nothing-preferred = Das geht nur auf Englisch: Du willst, dass kein Sprachmodell es liest (`/setai preferences`).
propose-ambiguous = Das kann Verschiedenes heißen. Wähle, was gemeint ist:
propose-same = Das alles steht schon im Manifest
propose-plan = Nach dem Zusammenführen: { $counts }
propose-no-forge = Von hier aus lässt es sich nicht vorschlagen: Für die Quelle `{ $source }` steht kein `forge` in der Datei des Betreibers.
propose-off = Einfache Worte sind hier abgeschaltet (`feature_flags.natural_language_processing`)
propose-empty = Die Bitte ist leer
propose-empty-text = Sag, was sich ändern soll, zum Beispiel: add a text channel lounge.
propose-long = Die Bitte hat { $length } Zeichen; höchstens { $most } werden gelesen
propose-unsure = Ist das gemeint?
propose-refused = Das lässt sich nicht vorschlagen:
propose-refused-text = Es wurde nichts geschrieben. Bitte um weniger oder um etwas anderes, oder ändere das Manifest von Hand.
propose-file = Die Änderung der Dateien ist angehängt.
propose-outdated = Das Manifest hat sich geändert, seit dies gezeigt wurde
propose-outdated-text = Nimm noch einmal `/setai propose` und sieh, was jetzt dabei herauskommt.
opened-title = Vorgeschlagen: { $title }
opened-text = [Der Pull Request]({ $url }) wartet auf Durchsicht. Ihn zusammenzuführen ändert den Server.
opened-branch = Der Zweig `{ $branch }` enthält es. Ihn zusammenzuführen ändert den Server.
opened-updated = Er war schon offen und enthält jetzt die neue Änderung.
adopted-title = Nichts zu übernehmen
# ---- preferences ----
preferences-title = Was du bevorzugst
preferences-saved = Gespeichert
preferences-zone = Zeiten stehen für { $zone } da.
preferences-sure = Bei Vorschlägen, die weniger als { $sure } % sicher sind, wird nachgefragt.
preferences-models = Ein Sprachmodell darf deine Anfragen lesen, wo der Betreiber eines eingerichtet hat.
preferences-no-models = Kein Sprachmodell liest deine Anfragen.
preferences-no-zone = Es gibt keine Zeitzone „{ $zone }“
preferences-no-zone-text = Sie heißen wie `Europe/Berlin`; die Liste zeigt sie beim Tippen. Nichts wurde geändert.
# ---- buttons ----
button-approve = Diesem Plan zustimmen
button-approve-sure = Ja, { $digest } zustimmen
button-revert = Zurück ändern
button-revert-sure = Ja, zurück ändern
button-adopt = Behalten (Pull Request)
button-ignore = Das ist gut so
button-rollback = Ja, zurücknehmen
button-open = Pull Request eröffnen
button-never = Nein
button-typed = Antwort zeigen
never-done = Es wurde nichts getan
typed-title = { $name }, drück, um die Antwort zu sehen. Nur du siehst sie.
# ---- what cannot be ----
trouble-title = Das hat nicht geklappt
trouble-unmanaged = Von diesem Server ist hier kein Manifest bekannt. Der Betreiber nennt dessen Quelle in der Datei von `setai run`.
trouble-run = Hier gibt es keinen Lauf `{ $run }`. `/setai history` nennt alle.
trouble-plan = Hier wartet kein Plan `{ $plan }`. `/setai approve` zeigt den, der wartet.
trouble-closed = Dieser Plan wartet nicht mehr: { $how }.
trouble-suspended = Dieser Server wird in Ruhe gelassen ({ $reason }), also wurde nichts getan. Erst `/setai resume`.
trouble-changed = Der Server oder sein Manifest hat sich geändert, seit dies gezeigt wurde; darum wurde nichts getan. Frag noch einmal und sieh, was anders ist.
trouble-rejected = Dem kann so niemand zustimmen:
trouble-busy = Gerade ändert jemand anders diesen Server. Versuch es in einer Minute noch einmal.
trouble-source = Versuch es in ein paar Minuten noch einmal. Wenn es so bleibt, sag es dem Betreiber.
trouble-forge-waiting = Drück die Schaltfläche in ein paar Minuten noch einmal. Was begonnen wurde, wird fortgesetzt, und nichts entsteht doppelt.
trouble-forge-stalled = Wenn du oder der Betreiber das in Ordnung gebracht habt, drück die Schaltfläche noch einmal. Nichts entsteht doppelt.
refused-title = Das darfst du nicht
refused-look = Dazu gehört das Recht, Kanäle, Rollen oder den Server zu verwalten, oder das Wort des Betreibers (`approvals.approvers`).
refused-operate = Dazu gehört das Recht „Administrator“ oder das Wort des Betreibers (`approvals.approvers`).
refused-restricted = Auf diesem Server bleibt das Administratoren vorbehalten (`moderation.restricted_commands`).
limited-title = Zu viele Befehle
limited-text = Versuch es { $when } noch einmal.
misuse-title = Das ist nicht zu verstehen
misuse-command = Dieser Befehl gehört zu einer anderen Version. In einer Minute stimmt er; wenn nicht, wurde der Bot nicht neu gestartet.
misuse-button = Diese Schaltfläche gehört zu einer anderen Version. Nimm den Befehl noch einmal.
misuse-private = Befehle gibt es nur auf Servern.
misuse-text = Das ist kein Befehl. Diese gibt es:
misuse-not-yours = Das hat jemand anderes geschrieben. Schreib es selbst, oder nutze `/setai`.

# ---- plans ----
plan-title = План для { $guild }
plan-nothing = { $guild } відповідає своєму маніфесту
plan-counts = Створити: { $creates }, змінити: { $changes }, видалити: { $deletes }, переставити: { $moves }.
plan-remarks = Варто знати:
plan-waits = Цей план чекає на чиєсь схвалення.
plan-in-file = Усе є у файлі.
plan-refused = Так зробити не можна:
plan-risks = Що це означає для людей:
plan-version = Ревізія { $revision }, план { $digest }.
plan-from-git = Він виконається сам, коли настане час.
# ---- how it stands ----
status-title = { $guild }: { $state }
status-unknown = { $guild } ще не оглядали
status-since = Від { $since }, оглянуто { $seen }.
status-revision = { $revision } з { $source }.
status-no-revision = немає ревізії
status-drift = Змінено в Discord, але не в маніфесті:
status-waiting = { $count ->
    [one] { $count } план чекає на схвалення: `/setai approve`
    [few] { $count } плани чекають на схвалення: `/setai approve`
   *[other] { $count } планів чекають на схвалення: `/setai approve`
}
state-ready = усе гаразд
state-reconciling = змінюється
state-drifted = змінено в Discord
state-awaiting-approval = чекає на схвалення
state-stalled = застряг
state-suspended = залишено у спокої
# ---- drift ----
drift-none = У { $guild } нічого не змінювали вручну
drift-title = { $guild } відрізняється від маніфесту
drift-how = Ці рядки повернули б усе назад.
drift-who = Востаннє змінено:
drift-by = { $object }: { $who } { $when }
drift-ignored = { $count ->
    [one] { $count } відмінність тепер вважається правильною
    [few] { $count } відмінності тепер вважаються правильними
   *[other] { $count } відмінностей тепер вважаються правильними
}
# ---- history ----
history-title = Що виконано в { $guild }
history-none = У { $guild } ще нічого не виконували
history-line = `{ $run }` { $when } { $verdict }: виконано { $done }, не вдалося { $failed }, автор { $author }
history-back = скасовує `{ $run }`
run-title = Виконання { $run }: { $verdict }
verdict-succeeded = виконано
verdict-partial = виконано частково
verdict-failed = не вдалося
verdict-interrupted = перервано
verdict-open = не завершено
# ---- approvals ----
approve-title = Цей план для { $guild } чекає
approve-none = У { $guild } жоден план не чекає
approve-sure = Справді схвалити?
approve-sure-text = Тоді виконається саме план { $digest } і нічого іншого.
approve-done = Схвалено
approve-done-text = План { $digest } виконається, якщо тим часом нічого не змінилося. `/setai status` показує, як просувається.
# ---- reverting ----
revert-sure = Справді повернути, як було?
revert-sure-text = Тоді виконається саме план { $digest }, а змінене вручну буде втрачено.
applied-title = Виконано: { $done } з { $all } кроків
applied-run = Виконання `{ $run }`.
applied-partly = Не все вдалося: { $remark }
# ---- rollback ----
rollback-title = Скасувати виконання { $run }?
rollback-text = Після цього сервер залишається у спокої до `/setai resume`, бо маніфест і далі каже те, що скасовано. Змініть і маніфест.
rollback-nothing = У виконанні { $run } нічого скасовувати
# ---- leaving alone ----
suspend-done = { $guild } залишено у спокої
suspend-until = До { $until }. Запит, що вже в дорозі, не зупиняється.
suspend-open = До `/setai resume`. Запит, що вже в дорозі, не зупиняється.
suspend-reason-missing = причину не названо
resume-done = За { $guild } знову доглядають
resume-was-not = { $guild } і не залишали у спокої
# ---- proposals ----
propose-form = Що змінити?
propose-field = Простими словами
propose-title = Пропозиція для { $guild }
propose-understood = Зрозуміло (певність { $sure } %):
propose-not-understood = Незрозуміло:
propose-part = «{ $part }»: { $why }
propose-nothing = З цього не виходить жодної зміни
propose-nothing-text = Скажіть інакше, одне бажання на речення, з тими назвами, що є тут.
propose-nothing-rules = Тут це треба казати англійською: оператор не налаштував мовної моделі (`ai`).
propose-nothing-preferred = Це треба казати англійською: ви не хочете, щоб мовна модель це читала (`/setai preferences`).
propose-ambiguous = Це можна зрозуміти по-різному. Оберіть, що мається на увазі:
propose-same = Усе це вже є в маніфесті
propose-plan = Після злиття: { $counts }
propose-no-forge = Звідси запропонувати не можна: джерело `{ $source }` не має `forge` у файлі оператора.
propose-off = Прості слова тут вимкнено (`feature_flags.natural_language_processing`)
propose-empty = Прохання порожнє
propose-empty-text = Скажіть, що змінити, наприклад: add a text channel lounge.
propose-long = У проханні { $length } символів; читається щонайбільше { $most }
propose-unsure = Ви саме це маєте на увазі?
propose-refused = Цього запропонувати не можна:
propose-refused-text = Нічого не записано. Попросіть менше чи щось інше або змініть маніфест вручну.
propose-file = Зміну файлів додано.
propose-outdated = Маніфест змінився відтоді, як це показано
propose-outdated-text = Скористайтеся `/setai propose` ще раз і погляньте, що виходить тепер.
opened-title = Запропоновано: { $title }
opened-text = [Pull request]({ $url }) чекає на перегляд. Його злиття змінить сервер.
opened-branch = Це є в гілці `{ $branch }`. Її злиття змінить сервер.
opened-updated = Він уже був відкритий і тепер має нову зміну.
adopted-title = Нема чого переймати
# ---- preferences ----
preferences-title = Ваші вподобання
preferences-saved = Збережено
preferences-zone = Час показується для { $zone }.
preferences-sure = Про пропозиції, певні менш ніж на { $sure } %, перепитують.
preferences-models = Мовна модель може читати ваші запити, де оператор її налаштував.
preferences-no-models = Жодна мовна модель не читає ваших запитів.
preferences-no-zone = Немає часового поясу «{ $zone }»
preferences-no-zone-text = Вони звуться як `Europe/Berlin`; список показує їх, поки ви пишете. Нічого не змінено.
# ---- buttons ----
button-approve = Схвалити цей план
button-approve-sure = Так, схвалити { $digest }
button-revert = Повернути, як було
button-revert-sure = Так, повернути
button-adopt = Залишити (pull request)
button-ignore = Так і має бути
button-rollback = Так, скасувати
button-open = Відкрити pull request
button-never = Ні
button-typed = Показати відповідь
never-done = Нічого не зроблено
typed-title = { $name }, натисніть, щоб побачити відповідь. Її побачите лише ви.
# ---- what cannot be ----
trouble-title = Не вдалося
trouble-unmanaged = Маніфест цього сервера тут невідомий. Оператор називає його джерело у файлі `setai run`.
trouble-run = Тут немає виконання `{ $run }`. `/setai history` показує всі.
trouble-plan = Тут не чекає план `{ $plan }`. `/setai approve` показує той, що чекає.
trouble-closed = Цей план більше не чекає: { $how }.
trouble-suspended = Цей сервер не чіпають ({ $reason }), тож нічого не зроблено. Спершу `/setai resume`.
trouble-changed = Сервер або його маніфест змінився відтоді, як це показано, тому нічого не зроблено. Запитайте ще раз і погляньте, що інакше.
trouble-rejected = Цього в такому вигляді ніхто не може схвалити:
trouble-busy = Саме зараз цей сервер змінює хтось інший. Спробуйте за хвилину.
trouble-source = Спробуйте ще раз за кілька хвилин. Якщо так і залишиться, скажіть операторові.
trouble-forge-waiting = Натисніть кнопку ще раз за кілька хвилин. Розпочате буде продовжено, і нічого не зробиться двічі.
trouble-forge-stalled = Коли ви або оператор це виправите, натисніть кнопку ще раз. Нічого не зробиться двічі.
refused-title = Вам цього не можна
refused-look = Потрібен дозвіл керувати каналами, ролями чи сервером або слово оператора (`approvals.approvers`).
refused-operate = Потрібен дозвіл «адміністратор» або слово оператора (`approvals.approvers`).
refused-restricted = На цьому сервері це залишено адміністраторам (`moderation.restricted_commands`).
limited-title = Забагато команд
limited-text = Спробуйте ще раз { $when }.
misuse-title = Це незрозуміло
misuse-command = Ця команда з іншої версії. За хвилину вона буде правильною; якщо ні, бота не перезапущено.
misuse-button = Ця кнопка з іншої версії. Скористайтеся командою ще раз.
misuse-private = Команди працюють лише на серверах.
misuse-text = Це не команда. Ось команди:
misuse-not-yours = Це написав хтось інший. Напишіть самі або скористайтеся `/setai`.

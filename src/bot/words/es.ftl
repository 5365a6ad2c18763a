# ---- plans ----
plan-title = Plan para { $guild }
plan-nothing = { $guild } está como dice su manifiesto
plan-counts = { $creates } por crear, { $changes } por cambiar, { $deletes } por borrar, { $moves } por reordenar.
plan-remarks = Conviene saber:
plan-waits = Este plan espera la aprobación de alguien.
plan-in-file = Todo está en el archivo.
plan-refused = Así no se puede hacer:
plan-risks = Lo que significa para la gente:
plan-version = Revisión { $revision }, plan { $digest }.
plan-from-git = Se aplica por sí solo cuando llega su momento.
# ---- how it stands ----
status-title = { $guild }: { $state }
status-unknown = { $guild } aún no se ha mirado
status-since = Desde { $since }, mirado { $seen }.
status-revision = En { $revision } de { $source }.
status-no-revision = ninguna revisión
status-drift = Cambiado en Discord y no en el manifiesto:
status-waiting = { $count ->
    [one] Un plan espera aprobación: `/setai approve`
   *[other] { $count } planes esperan aprobación: `/setai approve`
}
state-ready = en orden
state-reconciling = cambiándose
state-drifted = cambiado en Discord
state-awaiting-approval = esperando aprobación
state-stalled = atascado
state-suspended = dejado en paz
# ---- drift ----
drift-none = Nada se ha cambiado a mano en { $guild }
drift-title = { $guild } difiere de su manifiesto
drift-how = Estas líneas lo devolverían a su estado.
drift-who = Cambiado por última vez por:
drift-by = { $object }: { $who } { $when }
drift-ignored = { $count ->
    [one] La diferencia se da por buena
   *[other] { $count } diferencias se dan por buenas
}
# ---- history ----
history-title = Lo que se aplicó en { $guild }
history-none = Aún no se ha aplicado nada en { $guild }
history-line = `{ $run }` { $when } { $verdict }: { $done } hechos, { $failed } fallidos, por { $author }
history-back = deshace `{ $run }`
run-title = Ejecución { $run }: { $verdict }
verdict-succeeded = hecha
verdict-partial = hecha en parte
verdict-failed = fallida
verdict-interrupted = interrumpida
verdict-open = sin terminar
# ---- approvals ----
approve-title = Este plan para { $guild } espera
approve-none = Ningún plan espera en { $guild }
approve-sure = ¿Aprobarlo de verdad?
approve-sure-text = Entonces se aplica exactamente el plan { $digest } y nada más.
approve-done = Aprobado
approve-done-text = El plan { $digest } se aplica si nada ha cambiado entretanto. `/setai status` muestra por dónde va.
# ---- reverting ----
revert-sure = ¿Devolverlo de verdad a como estaba?
revert-sure-text = Entonces se aplica exactamente el plan { $digest }, y lo cambiado a mano se pierde.
applied-title = Hecho: { $done } de { $all } pasos
applied-run = Ejecución `{ $run }`.
applied-partly = No se pudo hacer todo: { $remark }
# ---- rollback ----
rollback-title = ¿Deshacer la ejecución { $run }?
rollback-text = Después el servidor se deja en paz hasta `/setai resume`, porque su manifiesto aún dice lo que se deshace. Cambia también el manifiesto.
rollback-nothing = No hay nada que deshacer de la ejecución { $run }
# ---- leaving alone ----
suspend-done = { $guild } se deja en paz
suspend-until = Hasta { $until }. Una petición en curso no se detiene.
suspend-open = Hasta `/setai resume`. Una petición en curso no se detiene.
suspend-reason-missing = sin motivo
resume-done = { $guild } vuelve a estar atendido
resume-was-not = { $guild } no estaba dejado en paz
# ---- proposals ----
propose-form = ¿Qué debe cambiar?
propose-field = Con palabras sencillas
propose-title = Propuesta para { $guild }
propose-understood = Entendido (seguro al { $sure } %):
propose-not-understood = No entendido:
propose-part = «{ $part }»: { $why }
propose-nothing = De eso no resulta ningún cambio
propose-nothing-text = Dilo con otras palabras, un deseo por frase, con los nombres que hay aquí.
propose-nothing-rules = Aquí hay que decirlo en inglés: el operador no ha configurado ningún modelo de lenguaje (`ai`).
propose-nothing-preferred = Hay que decirlo en inglés: prefieres que ningún modelo de lenguaje lo lea (`/setai preferences`).
propose-ambiguous = Puede significar varias cosas. Elige lo que quieres decir:
propose-same = El manifiesto ya dice todo esto
propose-plan = Cuando se fusione: { $counts }
propose-no-forge = No se puede proponer desde aquí: la fuente `{ $source }` no tiene `forge` en el archivo del operador.
propose-off = Las palabras sencillas están desactivadas aquí (`feature_flags.natural_language_processing`)
propose-empty = La petición está vacía
propose-empty-text = Di qué debe cambiar, por ejemplo: add a text channel lounge.
propose-long = La petición tiene { $length } caracteres; se leen { $most } como mucho
propose-unsure = ¿Es esto lo que quieres decir?
propose-refused = Esto no se puede proponer:
propose-refused-text = No se ha escrito nada. Pide menos u otra cosa, o cambia el manifiesto a mano.
propose-file = El cambio de los archivos va adjunto.
propose-outdated = El manifiesto ha cambiado desde que se mostró esto
propose-outdated-text = Usa `/setai propose` otra vez y mira lo que resulta ahora.
opened-title = Propuesto: { $title }
opened-text = [El pull request]({ $url }) espera una revisión. Fusionarlo cambia el servidor.
opened-branch = La rama `{ $branch }` lo contiene. Fusionarla cambia el servidor.
opened-updated = Ya estaba abierto y ahora tiene el cambio nuevo.
adopted-title = Nada que adoptar
# ---- preferences ----
preferences-title = Lo que prefieres
preferences-saved = Guardado
preferences-zone = Las horas se dicen para { $zone }.
preferences-sure = Se pregunta por las propuestas con menos de un { $sure } % de seguridad.
preferences-models = Un modelo de lenguaje puede leer tus peticiones, donde el operador haya configurado uno.
preferences-no-models = Ningún modelo de lenguaje lee tus peticiones.
preferences-no-zone = No hay ninguna zona horaria «{ $zone }»
preferences-no-zone-text = Se llaman como `Europe/Berlin`; la lista las muestra mientras escribes. No se cambió nada.
# ---- buttons ----
button-approve = Aprobar este plan
button-approve-sure = Sí, aprobar { $digest }
button-revert = Devolver a como estaba
button-revert-sure = Sí, devolverlo
button-adopt = Conservarlo (pull request)
button-ignore = Está bien así
button-rollback = Sí, deshacerla
button-open = Abrir un pull request
button-never = No
button-typed = Mostrar la respuesta
never-done = No se ha hecho nada
typed-title = { $name }, pulsa para ver la respuesta. Solo la verás tú.
# ---- what cannot be ----
trouble-title = No ha funcionado
trouble-unmanaged = Aquí no se conoce ningún manifiesto de este servidor. El operador nombra su fuente en el archivo de `setai run`.
trouble-run = Aquí no hay ninguna ejecución `{ $run }`. `/setai history` las enumera.
trouble-plan = Aquí no espera ningún plan `{ $plan }`. `/setai approve` muestra el que espera.
trouble-closed = Este plan ya no espera: { $how }.
trouble-suspended = Este servidor se deja en paz ({ $reason }), así que no se hizo nada. Primero `/setai resume`.
trouble-changed = El servidor o su manifiesto ha cambiado desde que se mostró esto, así que no se hizo nada. Pregunta otra vez y mira qué es distinto.
trouble-rejected = Nadie puede aprobar esto tal como está:
trouble-busy = Alguien más está cambiando este servidor ahora mismo. Inténtalo en un minuto.
trouble-source = Inténtalo de nuevo en unos minutos. Si sigue así, díselo al operador.
trouble-forge-waiting = Pulsa el botón otra vez en unos minutos. Lo empezado se continúa y nada se hace dos veces.
trouble-forge-stalled = Cuando tú o el operador lo hayáis arreglado, pulsa el botón otra vez. Nada se hace dos veces.
refused-title = No puedes hacer eso
refused-look = Hace falta el permiso de gestionar canales, roles o el servidor, o la palabra del operador (`approvals.approvers`).
refused-operate = Hace falta el permiso «administrador» o la palabra del operador (`approvals.approvers`).
refused-restricted = En este servidor queda reservado a los administradores (`moderation.restricted_commands`).
limited-title = Demasiados comandos
limited-text = Inténtalo de nuevo { $when }.
misuse-title = Esto no se entiende
misuse-command = Este comando es de otra versión. Estará bien en un minuto; si no, el bot no se ha reiniciado.
misuse-button = Este botón es de otra versión. Usa el comando otra vez.
misuse-private = Los comandos solo funcionan en servidores.
misuse-text = Eso no es un comando. Estos lo son:
misuse-not-yours = Eso lo escribió otra persona. Escríbelo tú, o usa `/setai`.

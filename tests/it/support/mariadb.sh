# A throwaway MariaDB: serve DIRECTORY PORT USERS, where USERS is a file that whoever uses the server has a shared lock on.
# Says "ready" or "failed", then stays until the server has had no user for a while, and takes everything away.
directory=$1 port=$2 users=$3
mkdir -p "$directory/tmp" && cd "$directory" || exit 1
# A starting server removes what looks like old temporary tables where it makes its own, and others start here too.
export TMPDIR="$directory/tmp"

{
  mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$directory/data" --skip-test-db --tmpdir="$directory" \
    --auth-root-authentication-method=normal &&
  key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes" &&
  openssl req -x509 $key -days 2 -subj '/CN=setai tests' -keyout ca.key -out ca.pem &&
  openssl req -new $key -subj '/CN=127.0.0.1' -keyout server.key -out server.csr &&
  echo 'subjectAltName = IP:127.0.0.1' >server.ext &&
  openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile server.ext -out server.pem &&
  cat >init.sql <<SQL
CREATE USER 'setai'@'%' IDENTIFIED BY 'a secret';
GRANT ALL ON \`setai\_%\`.* TO 'setai'@'%';
CREATE USER 'setai_tls'@'%' IDENTIFIED BY 'a secret' REQUIRE SSL;
GRANT ALL ON \`setai\_%\`.* TO 'setai_tls'@'%';
CREATE USER 'setai_admin'@'%' IDENTIFIED BY 'another secret';
GRANT ALL ON *.* TO 'setai_admin'@'%' WITH GRANT OPTION;
SQL
} >install.log 2>&1 || { echo "failed: $(tail -n 3 install.log)"; exit 1; }

# Nothing here has to survive a power failure. The server goes when this shell goes, however that ends.
setpriv --pdeathsig KILL mariadbd --no-defaults --user="$(id -un)" --datadir="$directory/data" --tmpdir="$directory" \
  --bind-address=127.0.0.1 --port="$port" --socket="$directory/socket" --pid-file="$directory/pid" \
  --ssl-cert="$directory/server.pem" --ssl-key="$directory/server.key" --init-file="$directory/init.sql" \
  --skip-name-resolve --max-connections=500 --table-open-cache=4000 \
  --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --innodb-doublewrite=0 --innodb-file-per-table=0 \
  --innodb-buffer-pool-size=64M --performance-schema=0 </dev/null >server.log 2>&1 &
server=$!

until mariadb --no-defaults --user=setai --password='a secret' --host=127.0.0.1 --port="$port" --connect-timeout=2 \
  --execute='SELECT 1' >>install.log 2>&1; do
  kill -0 "$server" || { echo "failed: $(tail -n 3 server.log)"; exit 1; }
  sleep 0.1
done
echo "$port" >port
echo ready
exec >/dev/null 2>&1

exec 9<"$users"
while :; do
  flock -x 9 && flock -u 9
  # The next test may be about to start.
  sleep 5
  flock -n -x 9 && break
done
rm -f port
kill -KILL "$server"
wait "$server"
rm -rf "$directory"

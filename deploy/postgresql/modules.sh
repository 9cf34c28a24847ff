#!/bin/bash
# Runs once, when the volume is empty: a database and a role for each module. No module's role gets into another's database.
set -euo pipefail
for module in products cart sales users; do
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set=module="$module" --set=password="$(cat "/run/secrets/${module}_password")" <<'SQL'
CREATE ROLE :"module" LOGIN PASSWORD :'password';
CREATE DATABASE :"module" OWNER :"module";
REVOKE ALL ON DATABASE :"module" FROM PUBLIC;
SQL
done
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --command 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC'

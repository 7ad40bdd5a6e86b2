#!/usr/bin/env bash
# Fetches jars for tests with Maven into a directory. Used by .ci/run; not part of a package.
#   build/get-jars.sh kafka DIRECTORY    Apache Kafka 4.3: the reference for files and responses of the cluster
#   build/get-jars.sh curator DIRECTORY  Apache Curator 5.9: a client of the ZooKeeper endpoint
set -euo pipefail
usage() { echo "usage: $0 kafka|curator DIRECTORY" >&2; exit 2; }
[ $# -eq 2 ] || usage
case $1 in
  kafka) artifacts="org.apache.kafka:kafka_2.13:4.3.0 org.apache.kafka:kafka-tools:4.3.0" ;;
  curator) artifacts="org.apache.curator:curator-recipes:5.9.0 org.slf4j:slf4j-nop:1.7.36" ;;
  *) usage ;;
esac
directory=$2
mkdir -p "$directory"
# Maven resolves a relative directory against the project below.
directory=$(cd "$directory" && pwd)
if [ -f "$directory/done" ]; then exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
  echo '<groupId>brokerdesk</groupId><artifactId>jars</artifactId><version>1</version><dependencies>'
  for artifact in $artifacts; do
    IFS=: read -r group name version <<<"$artifact"
    echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId><version>$version</version></dependency>"
  done
  echo '</dependencies></project>'
} >"$work/pom.xml"
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$directory"
touch "$directory/done"

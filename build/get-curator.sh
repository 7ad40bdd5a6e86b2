#!/usr/bin/env bash
# Apache Curator's jars into a directory, by Maven: a client that the ZooKeeper endpoint is tested with. Used by .ci/run; nothing of it ships.
#   build/get-curator.sh DIRECTORY
set -euo pipefail
version=5.9.0
directory=$1
mkdir -p "$directory"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>brokerdesk</groupId><artifactId>zookeeper-client</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.curator</groupId><artifactId>curator-recipes</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$directory"
touch "$directory/done"

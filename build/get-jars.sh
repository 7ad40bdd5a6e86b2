#!/usr/bin/env bash
# Apache Kafka's jars into a directory, by Maven: the judge of what we write and speak. Used by .ci/run; nothing of it ships.
#   build/get-kafka.sh DIRECTORY
set -euo pipefail
version=4.3.0
directory=$1
mkdir -p "$directory"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>brokerdesk</groupId><artifactId>judge</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$version</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$directory"
touch "$directory/done"

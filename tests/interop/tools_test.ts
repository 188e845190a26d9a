// Programs that are not HTTP clients in the first place, but fetch over HTTP:
// version control, package managers, video tools.

import { type Row, testRow } from "./_run.ts";

const peer = (program: string, name = program) => ({ program, package: name });

const ROWS: readonly Row[] = [
  {
    peer: peer("git"),
    proves: "clones a bare repository over dumb HTTP, and pulls from it",
    script: `export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com \\
      GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
      git init -q work; cd work; echo 1 >a; git add a; git commit -qm one
      git clone -q --bare . $ROOT/a.git; git -C $ROOT/a.git update-server-info
      git clone -q $URL/a.git ../clone; echo 2 >a; git commit -qam two
      git push -q $ROOT/a.git HEAD; git -C $ROOT/a.git update-server-info
      cd ../clone; git pull -q; git fsck; cat a; git log --format=%s`,
    prints: /^2\ntwo\none\n$/m,
  },
  {
    peer: peer("npm"),
    proves: "installs a tarball from a URL",
    script: `mkdir -p package app; cd app
      echo '{"name":"knocker","version":"1.2.3"}' >../package/package.json
      tar -czf $ROOT/knocker-1.2.3.tgz -C .. package; echo '{}' >package.json
      npm install --no-audit --no-fund --loglevel=error \\
        --cache ../cache $URL/knocker-1.2.3.tgz
      cat node_modules/knocker/package.json`,
    prints: /"version": *"1\.2\.3"/,
  },
  {
    peer: peer("apt-get", "apt"),
    proves: "gets packages from a directory, and a 304 for an unchanged list",
    script: `mkdir -p deb/DEBIAN state/lists/partial cache/archives/partial etc
      printf 'Package: knocker\\nVersion: 1.2.3\\nArchitecture: all\\n\
Maintainer: a <a@example.com>\\nDescription: knocks\\n' >deb/DEBIAN/control
      dpkg-deb -b deb $ROOT/knocker.deb >/dev/null
      { cat deb/DEBIAN/control; echo Filename: ./knocker.deb
        echo Size: $(stat -c %s $ROOT/knocker.deb)
        echo SHA256: $(sha256sum <$ROOT/knocker.deb | cut -c1-64)
      } >$ROOT/Packages
      echo "deb [trusted=yes] $URL ./" >etc/sources.list
      apt() { apt-get -q -o Dir::Etc=$PWD/etc -o Dir::State=$PWD/state \\
        -o Dir::Cache=$PWD/cache -o APT::Sandbox::User=root "$@"; }
      apt update; apt update; apt download knocker
      dpkg-deb -f knocker_1.2.3_all.deb Version`,
    prints: /^Get:\d[^]* Packages [^]*^Hit:\d[^]*^Get:\d[^]*\n1\.2\.3\n$/m,
  },
  {
    peer: peer("ffprobe", "ffmpeg"),
    proves: "seeks with ranges in a video whose index is at its end",
    script: `ffmpeg -loglevel error -f lavfi -i testsrc=d=20:s=320x240:r=10 \\
        -c:v mpeg4 -b:v 2M $ROOT/film.mp4
      ffprobe -loglevel error -show_entries format=duration -of csv=p=0 \\
        $URL/film.mp4
      ffprobe -loglevel debug -read_intervals 15%+#1 -show_entries \\
        frame=pts_time -select_streams v -of csv=p=0 $URL/film.mp4 >log 2>&1
      grep -c "Range: bytes=[1-9]" log`,
    prints: /^20\.0+\n[1-9]\d*\n$/,
  },
];

for (const row of ROWS) testRow(row);

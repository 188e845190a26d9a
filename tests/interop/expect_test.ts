// Clients that send Expect: 100-continue before a body. The server sends a 100
// when the handler reads the body, within the second that curl and Go wait. If
// the handler refuses, the client never sends the body.

import { type Row, testRow } from "./_run.ts";
import { CURL, HAPROXY } from "./_servers.ts";

const UPLOAD = `curl -s -H 'Expect: 100-continue' --data-binary @body \\
  -w '%{http_code} %{size_upload} %{time_total}s\n'`;

const GO = `
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"
)

func main() {
	http.DefaultTransport.(*http.Transport).ExpectContinueTimeout = 5 * time.Second
	for _, path := range os.Args[2:] {
		asked := false
		trace := &httptrace.ClientTrace{Got100Continue: func() { asked = true }}
		body := bytes.NewReader(make([]byte, 2000000))
		request, _ := http.NewRequestWithContext(
			httptrace.WithClientTrace(context.Background(), trace),
			"POST", os.Args[1]+path, body)
		request.Header.Set("Expect", "100-continue")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		text, _ := io.ReadAll(response.Body)
		fmt.Print(response.StatusCode, asked, 2000000-body.Len(), " ", string(text))
	}
}`;

const JAVA = `
import java.net.URI;
import java.net.http.*;

class Ask {
  public static void main(String[] args) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(args[0]))
      .version(HttpClient.Version.HTTP_1_1).expectContinue(true)
      .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[2000000])).build();
    HttpResponse<String> response = HttpClient.newHttpClient()
      .send(request, HttpResponse.BodyHandlers.ofString());
    System.out.print(response.statusCode() + " " + response.body());
  }
}`;

const NODE = `
const [url, ...paths] = process.argv.slice(2);
const ask = (path) => new Promise((done, fail) => {
  const headers = { Expect: "100-continue", "Content-Length": 2000000 };
  const request = require("node:http")
    .request(url + path, { method: "POST", headers });
  let asked = false;
  request.on("continue", () => {
    asked = true;
    request.end(Buffer.alloc(2000000));
  });
  request.on("response", async (response) => {
    let text = "";
    for await (const part of response) text += part;
    process.stdout.write(\`\${response.statusCode} \${asked} \${text}\`);
    request.destroy();
    done();
  });
  request.on("error", fail);
  request.flushHeaders();
});
paths.reduce((before, path) => before.then(() => ask(path)), Promise.resolve());`;

const HAPROXY_CONFIG = `
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen all
  bind unix@$PWD/socket
  server one \${URL#http://}`;

const ROWS: readonly Row[] = [
  {
    peer: CURL,
    proves: "does not wait for its timeout, and sends no body after a refusal",
    script: `head -c 2000000 /dev/zero >body
      ${UPLOAD} $URL/echo; ${UPLOAD} $URL/refuse`,
    prints:
      /^POST 2000000\n200 2000000 0\.[0-7]\d*s\nrefused\n403 0 0\.[0-7]\d*s\n$/,
  },
  {
    peer: { program: "go", package: "golang-go" },
    proves: "net/http gets a 100, and sends no body after a refusal",
    script: `cat >ask.go <<'END'\n${GO}\nEND
      go run ask.go $URL /echo /refuse`,
    prints: /^200 true 2000000 POST 2000000\n403 false 0 refused\n$/,
  },
  {
    // Without /refuse: the client of JDK 17 waits forever if a refusal arrives
    // in place of the 100, whatever the server
    peer: { program: "java", package: "default-jdk-headless" },
    proves: "java.net.http gets a 100",
    script: `cat >Ask.java <<'END'\n${JAVA}\nEND
      java Ask.java $URL/echo`,
    prints: /^200 POST 2000000\n$/,
  },
  {
    peer: { program: "node", package: "nodejs" },
    proves: "http gets a 100, and sends no body after a refusal",
    script: `cat >ask.js <<'END'\n${NODE}\nEND
      node ask.js $URL /echo /refuse`,
    prints: /^200 true POST 2000000\n403 false refused\n$/,
  },
  {
    peer: HAPROXY,
    proves: "forwards the 100 and the refusal to curl",
    script: `head -c 2000000 /dev/zero >body
      cat >haproxy.cfg <<END\n${HAPROXY_CONFIG}\nEND
      haproxy -D -q -p pid -f haproxy.cfg
      for path in echo refuse; do ${UPLOAD} --unix-socket socket \\
        http://localhost/$path; done
      kill $(cat pid)`,
    prints:
      /^POST 2000000\n200 2000000 0\.[0-7]\d*s\nrefused\n403 0 0\.[0-7]\d*s\n$/,
  },
];

for (const row of ROWS) testRow(row);

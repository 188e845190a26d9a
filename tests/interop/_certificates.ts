// Certificates for other servers.

/**
 * Makes a CA and certificates for `localhost`, for another name, and for a
 * client, with openssl.
 */
export async function makeCertificates(folder: string): Promise<void> {
  await openssl(folder, [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=Interop-CA"
      .split(" "),
    ..."-keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE"
      .split(" "),
  ]);
  const names = { leaf: "localhost", other: "other.example", client: "client" };
  for (const [file, name] of Object.entries(names)) {
    await openssl(folder, [
      ..."req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(" "),
      ...`-subj /CN=${name} -keyout ${file}.key -out ${file}.csr`.split(" "),
    ]);
    await Deno.writeTextFile(
      `${folder}/${file}.ext`,
      `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`,
    );
    await openssl(
      folder,
      `x509 -req -in ${file}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ${file}.ext -out ${file}.pem`
        .split(" "),
    );
  }
}

async function openssl(cwd: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [...args],
    cwd,
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

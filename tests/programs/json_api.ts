// Notes over JSON: deno run --allow-net json_api.ts 8000
import { serve } from "@knock/http";

const notes = new Map<string, unknown>();
const NOTE = new URLPattern({ pathname: "/notes/:id" });

const { url } = serve(async (request) => {
  const id = NOTE.exec(request.url)?.pathname.groups.id ?? "";
  switch (`${request.method} ${id === "" ? request.path : "/notes/:id"}`) {
    case "GET /notes": {
      const word = request.searchParams.get("word") ?? "";
      const found = [...notes].filter(([, note]) =>
        String(note).includes(word)
      );
      return Response.json(Object.fromEntries(found));
    }
    case "GET /notes/:id":
      if (!notes.has(id)) break;
      return Response.json(notes.get(id));
    case "PUT /notes/:id":
      notes.set(id, await request.json()); // invalid JSON gets a 400
      return Response.json(notes.get(id), { status: 201 });
    case "DELETE /notes/:id":
      if (!notes.delete(id)) break;
      return { status: 204 };
  }
  return Response.json({ error: "there is nothing here" }, { status: 404 });
}, { port: Number(Deno.args[0] ?? 8000) });
console.log(url);

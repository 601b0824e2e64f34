"use strict";
// The documents, made from /openapi.json in the browser. Text only ever enters as textContent.

const make = (tag, text, kind) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
};

function kindOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.oneOf || schema.anyOf) return (schema.oneOf || schema.anyOf).map(kindOf).join(" or ");
  if (schema.type === "array") return `list of ${kindOf(schema.items)}`;
  return [].concat(schema.type || "").join(" or ");
}

function table(rows, titles) {
  const node = make("table");
  const head = make("tr");
  titles.forEach((title) => head.append(make("th", title)));
  node.append(head);
  for (const row of rows) {
    const line = make("tr");
    row.forEach((cell) => line.append(make("td", cell)));
    node.append(line);
  }
  return node;
}

function operation(path, method, op, schemas) {
  const box = make("details");
  const title = make("summary");
  title.append(make("span", method.toUpperCase(), "method"), make("code", path), ` ${op.summary || ""}`);
  box.append(title);
  if (op.description) box.append(make("p", op.description));
  const parameters = op.parameters || [];
  if (parameters.length) {
    box.append(table(
      parameters.map((p) => [p.name, p.in, kindOf(p.schema), p.description || ""]),
      ["parameter", "in", "type", "meaning"],
    ));
  }
  const body = op.requestBody && op.requestBody.content["application/json"];
  if (body && body.schema && body.schema.$ref) {
    const schema = schemas[body.schema.$ref.split("/").pop()];
    const needed = new Set(schema.required || []);
    box.append(make("p", "Body:"), table(
      Object.entries(schema.properties).map(([name, s]) => [
        name, kindOf(s), needed.has(name) ? "needed" : "",
      ]),
      ["field", "type", ""],
    ));
  }
  box.append(table(
    Object.entries(op.responses).map(([status, r]) => [status, r.description || ""]),
    ["status", "meaning"],
  ));
  return box;
}

async function begin() {
  const main = document.getElementById("docs");
  const answer = await fetch("/openapi.json");
  if (!answer.ok) {
    main.append(make("p", `The document cannot be read (${answer.status}).`));
    return;
  }
  const doc = await answer.json();
  main.append(make("p", doc.info.description, "about"));
  const byTag = new Map();
  for (const [path, methods] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(methods)) {
      if (!op.responses) continue;
      const tag = (op.tags || ["other"])[0];
      byTag.set(tag, [...(byTag.get(tag) || []), [path, method, op]]);
    }
  }
  for (const [tag, operations] of byTag) {
    main.append(make("h2", tag));
    operations.forEach(([path, method, op]) => {
      main.append(operation(path, method, op, doc.components.schemas || {}));
    });
  }
}

begin();

// How the client is made: plain `fetch`, and imports as Node resolves them.
export default {
  input: process.env.OPENAPI,
  logs: { file: false },
  output: { path: "client", importFileExtension: ".js" },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};

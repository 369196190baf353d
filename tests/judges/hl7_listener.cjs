// An HL7 listener of node-hl7-server: PORT. Prints a line of JSON for each message, answers AA.
const { Server } = require('node-hl7-server');
const server = new Server({ bindAddress: '127.0.0.1' });
server.createInbound({ port: Number(process.argv[2]) }, async (request, response) => {
  const message = request.getMessage();
  const text = (path) => message.get(path).toString();
  console.log(JSON.stringify({ type: text('MSH.9'), id: text('MSH.10'), processing: text('MSH.11') }));
  await response.sendResponse('AA');
});
console.log('ready');

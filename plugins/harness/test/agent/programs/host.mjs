/** A host that starts a command and waits to be killed: `host.mjs <spec as JSON>`; prints the identity of the command. */
import { Commands } from '../../../dist/agent/commands.js';

const command = await new Commands().start(JSON.parse(process.argv[2]));
console.log(JSON.stringify(command.identity));
setInterval(() => {}, 60_000);

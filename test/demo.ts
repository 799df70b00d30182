// `npm run demo`: what this program is for, in one screen.
import { processIo } from '../src/cli/io.ts';
import { run } from '../src/cli/run.ts';

const RECORDING = 'test/fixtures/recordings/adsl-stream.srpl';
const REPLAY = `replay ${RECORDING} --group-by host --field value`;

const io = processIo();
io.stdout.write(`A router's ADSL state, polled 17 times, sent through the agent as Kapacitor would send it:

  stream|from().measurement('adsl_connection').groupBy('host')@edgeDetect().field('value')

`);
process.exitCode = await run([...REPLAY.split(' '), ...process.argv.slice(2)], io);
io.stdout.write(`
What to do next:
  drop the short changes   npm run demo -- --option 'hold(2m)'
  try your own recording   npm start -- replay FILE --group-by TAG --field FIELD
  serve it to Kapacitor    npm start -- serve --socket-dir /tmp/kapacitor-udf
  see everything           npm start -- --help, and the README
`);

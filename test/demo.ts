// `npm run demo`: what this program is for, in one screen.
import { processIo } from '../src/cli/io.ts';
import { run } from '../src/cli/run.ts';

const RECORDING = 'test/fixtures/recordings/adsl-stream.srpl';
const REPLAY = `replay ${RECORDING} --group-by host --field value`;

const io = processIo();
if (process.argv.includes('--web')) {
  io.stdout.write('Simulated routers on a page, at http://127.0.0.1:9095 until Ctrl+C:\n\n');
  const others = process.argv.slice(2).filter((argument) => argument !== '--web');
  process.exit(await run(['web', '--demo', ...others], io));
}
io.stdout.write(`A router's ADSL state, polled 17 times, sent through the agent as Kapacitor would send it:

  stream|from().measurement('adsl_connection').groupBy('host')@edgeDetect().field('value')

`);
process.exitCode = await run([...REPLAY.split(' '), ...process.argv.slice(2)], io);
io.stdout.write(`
What to do next:
  drop the short changes   npm run demo -- --option 'hold(2m)'
  try your own recording   npm start -- replay FILE --group-by TAG --field FIELD
  see it on a page         npm run demo -- --web
  serve it to Kapacitor    npm start -- serve --socket-dir /tmp/kapacitor-udf
  see everything           npm start -- --help, and the README
`);

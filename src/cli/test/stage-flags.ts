import { Option } from 'commander';
import { type FunctionsDirOption, functionsDirOption } from '../served-functions.ts';

/** The flags that say in which Kapacitor scripts are tried. */
export interface StageFlags extends FunctionsDirOption {
  readonly kapacitord: string;
  readonly image?: string;
  readonly conf?: string;
}

export function stageOptions(): Option[] {
  return [
    new Option('--kapacitord <path>', 'the program').default('kapacitord').env('KAPACITORD'),
    new Option('--image <image>', 'a container of this image instead of the program (Linux, docker)').env(
      'EDGE_DETECT_TEST_IMAGE',
    ),
    new Option('--conf <file>', 'more of kapacitor.conf, for instance [udf] sections').env(
      'EDGE_DETECT_TEST_CONF',
    ),
    functionsDirOption(),
  ];
}

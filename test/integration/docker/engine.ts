import { fileURLToPath } from 'node:url';
import {
  type ContainerRuntimeClient,
  GenericContainer,
  getContainerRuntimeClient,
  ImageName,
} from 'testcontainers';

/** The repository's own folder. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const BASE_IMAGE = process.env.BASE_IMAGE ?? 'node:24-bookworm-slim';

/** The Docker engine, or undefined where none answers. */
export async function findEngine(): Promise<ContainerRuntimeClient | undefined> {
  try {
    return await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
}

/** Whether the image is there, or comes from a registry. */
export async function hasImage(engine: ContainerRuntimeClient, name: string): Promise<boolean> {
  const image = ImageName.fromString(name);
  if (await engine.image.exists(image)) return true;
  try {
    await engine.image.pull(image);
    return true;
  } catch {
    return false;
  }
}

/** Builds a target of the Dockerfile; layers made before are taken again. */
export async function buildImage(name: string, target: string): Promise<void> {
  await GenericContainer.fromDockerfile(ROOT)
    .withTarget(target)
    .withBuildArgs({ BASE_IMAGE })
    .build(name, { deleteOnExit: false });
}

export async function removeImage(engine: ContainerRuntimeClient, name: string): Promise<void> {
  await engine.container.dockerode.getImage(name).remove({ force: true });
}

export type Photograph = {
  /** Also the name of its class folder. */
  readonly name: string;
  readonly wheel: PhotographWheel;
  /** Name in the wheel's folder. */
  readonly file: string;
  readonly sha256: string;
  readonly terms: 'CC0' | 'public domain';
  readonly credit: string;
};

export type PhotographWheel = {
  readonly name: string;
  readonly version: string;
  readonly pythonVersion: string;
  readonly platforms: readonly string[];
  readonly sha256: string;
  /** Where in the wheel the photographs lie. */
  readonly folder: string;
};

/** The wheels that the photographs come in: any platform's hold the same ones, so one of each is pinned. */
const SCIKIT_IMAGE: PhotographWheel = {
  name: 'scikit-image',
  version: '0.26.0',
  pythonVersion: '3.11',
  platforms: ['manylinux_2_28_x86_64', 'manylinux_2_24_x86_64'],
  sha256: '74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af',
  folder: 'skimage/data',
};

const MATPLOTLIB: PhotographWheel = {
  name: 'matplotlib',
  version: '3.10.7',
  pythonVersion: '3.11',
  platforms: ['manylinux2014_x86_64', 'manylinux_2_17_x86_64'],
  sha256: '2222c7ba2cbde7fe63032769f6eb7e83ab3227f47d997a8453377709b7fe3a5a',
  folder: 'matplotlib/mpl-data/sample_data',
};

export const PHOTOGRAPH_WHEELS: readonly PhotographWheel[] = [SCIKIT_IMAGE, MATPLOTLIB];

/** One of scikit-image's. */
function photograph(
  name: string,
  file: string,
  terms: Photograph['terms'],
  credit: string,
  sha256: string,
): Photograph {
  return { name, file, terms, credit, sha256, wheel: SCIKIT_IMAGE };
}

/**
 * The photographs that are classes. Terms and credits are those that scikit-image's wheel states itself, in
 * skimage/data/_fetchers.py; docs/datasets.md says what was left out and why.
 */
export const CLASS_PHOTOGRAPHS: readonly Photograph[] = [
  photograph(
    'astronaut',
    'astronaut.png',
    'public domain',
    'NASA Great Images',
    '88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5',
  ),
  photograph(
    'brick',
    'brick.png',
    'CC0',
    'CC0Textures, Bricks25',
    '7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf',
  ),
  photograph(
    'camera',
    'camera.png',
    'CC0',
    'Lav Varshney',
    'b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a',
  ),
  photograph(
    'cell',
    'cell.png',
    'CC0',
    'Paul Müller and others, 2018',
    '8d23a7fb81f7cc877cd09f330357fc7f595651306e84e17252f6e0a1b3f61515',
  ),
  photograph(
    'chelsea',
    'chelsea.png',
    'CC0',
    'Stefan van der Walt',
    '596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb',
  ),
  photograph(
    'clock',
    'clock_motion.png',
    'public domain',
    'Stefan van der Walt',
    'f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955',
  ),
  photograph(
    'coffee',
    'coffee.png',
    'CC0',
    'Rachel Michetti, Pikolo Espresso Bar',
    'cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7',
  ),
  photograph(
    'grass',
    'grass.png',
    'CC0',
    'linolafett, DeviantArt',
    'b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89',
  ),
  photograph(
    'gravel',
    'gravel.png',
    'CC0',
    'CC0Textures, Gravel04',
    'c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12',
  ),
  photograph(
    'hubble',
    'hubble_deep_field.jpg',
    'public domain',
    'NASA, HubbleSite',
    '3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4',
  ),
  photograph(
    'retina',
    'retina.jpg',
    'CC0',
    'Mikael Häggström',
    '38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6',
  ),
  photograph(
    'rocket',
    'rocket.jpg',
    'public domain',
    'SpaceX',
    'c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c',
  ),
];

/** Pictures that no class is made of; a good threshold rejects them. */
export const STRANGER_PHOTOGRAPHS: readonly Photograph[] = [
  photograph(
    'horse',
    'horse.png',
    'CC0',
    'Andreas Preuss',
    'c7fb60789fe394c485f842291ea3b21e50d140f39d6dcb5fb9917cc178225455',
  ),
  photograph(
    'microaneurysms',
    'microaneurysms.png',
    'CC0',
    'Andreas Maier, HRF Image Database',
    'a1e1be59aa447f8ce082f7fa809997ab369a2b137cb6c4202abc647c7ccf6456',
  ),
  photograph(
    'text',
    'text.png',
    'public domain',
    'Wikipedia, Corner.png',
    'bd84aa3a6e3c9887850d45d606c96b2e59433fbef50338570b63c319e668e6d1',
  ),
  {
    name: 'hopper',
    wheel: MATPLOTLIB,
    file: 'grace_hopper.jpg',
    sha256: 'a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130',
    terms: 'public domain',
    credit: 'United States Navy',
  },
];

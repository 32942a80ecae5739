import { SetupError } from './setup-error.mjs';

/** @typedef {import('./wheel.mjs').Wheel} Wheel */
/** @typedef {'cpu' | 'gpu'} Flavour */

export const TENSORFLOW_VERSION = '2.21.0';

// Of the headers, what the binding and the kernels include; the rest (compiler, network and test code) is 200 MB.
const TENSORFLOW_KEEP = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  ...[
    'Eigen',
    'absl',
    'google',
    'ml_dtypes',
    'tensorflow/c',
    'tensorflow/core',
    'tsl',
    'unsupported',
    'xla/tsl',
  ].map((folder) => `tensorflow/include/${folder}/`),
];

/** @type {Wheel} */
const TENSORFLOW_CPU = {
  name: 'tensorflow-cpu',
  version: TENSORFLOW_VERSION,
  sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  bytes: 273_829_956,
  keep: TENSORFLOW_KEEP,
};

/** @type {Wheel} */
const TENSORFLOW_GPU = {
  name: 'tensorflow',
  version: TENSORFLOW_VERSION,
  sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
  bytes: 572_440_367,
  keep: TENSORFLOW_KEEP,
};

// The wheels under TensorFlow's and-cuda extra: name after "nvidia-", version, SHA-256, bytes.
/** @type {readonly (readonly [string, string, string, number])[]} */
const CUDA_PINS = [
  [
    'cublas-cu12',
    '12.9.3.13',
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
    581_217_458,
  ],
  [
    'cuda-cupti-cu12',
    '12.8.90',
    'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
    10_248_621,
  ],
  [
    'cuda-nvcc-cu12',
    '12.9.86',
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
    40_546_229,
  ],
  [
    'cuda-nvrtc-cu12',
    '12.9.86',
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
    89_568_129,
  ],
  [
    'cuda-runtime-cu12',
    '12.9.79',
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
    3_493_179,
  ],
  [
    'cudnn-cu12',
    '9.28.0.42',
    '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
    716_538_495,
  ],
  ['cufft-cu12', '11.4.1.4', 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28', 200_877_592],
  [
    'curand-cu12',
    '10.3.10.19',
    '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
    68_295_626,
  ],
  [
    'cusolver-cu12',
    '11.7.5.82',
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
    338_117_415,
  ],
  [
    'cusparse-cu12',
    '12.5.10.65',
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
    366_465_088,
  ],
  ['nccl-cu12', '2.32.3', 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c', 351_526_311],
  [
    'nvjitlink-cu12',
    '12.9.86',
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
    39_748_338,
  ],
];

/** @type {readonly Wheel[]} */
const CUDA_WHEELS = CUDA_PINS.map(([name, version, sha256, bytes]) => ({
  name: `nvidia-${name}`,
  version,
  sha256,
  bytes,
  // TensorFlow looks in ../nvidia/*/lib beside its own folder, so the wheel's layout is kept as pip would unpack it.
  keep: ['nvidia/'],
}));

/**
 * @param {Flavour} flavour
 * @returns {readonly Wheel[]}
 */
export function wheelsOf(flavour) {
  return flavour === 'gpu' ? [TENSORFLOW_GPU, ...CUDA_WHEELS] : [TENSORFLOW_CPU];
}

/**
 * @param {string | undefined} wanted the ENGINE variable
 * @param {boolean} hasGpu whether an NVIDIA driver answers on this machine
 * @returns {Flavour}
 */
export function chooseFlavour(wanted, hasGpu) {
  if (wanted === undefined || wanted === '') return hasGpu ? 'gpu' : 'cpu';
  if (wanted === 'cpu' || wanted === 'gpu') return wanted;
  throw new SetupError(`ENGINE is expected to be cpu or gpu and is "${wanted}".`);
}

/**
 * Name of the engine's folder in the cache: everything that would make another file of it.
 * @param {Flavour} flavour
 * @param {string} tfjsVersion
 */
export function engineKey(flavour, tfjsVersion) {
  return `tensorflow-${TENSORFLOW_VERSION}-${flavour}-${process.platform}-${process.arch}-tfjs-${tfjsVersion}`;
}

/** The wheels are pinned for one platform; elsewhere a sentence is better than a library that does not load. */
export function assertPlatform(platform = process.platform, arch = process.arch) {
  if (platform !== 'linux' || arch !== 'x64') {
    throw new SetupError(
      `The engine is pinned for linux x64 and this is ${platform} ${arch}: run it in the container (docker compose up) or on such a machine.`,
    );
  }
}

/// @file
/// Everything that needs the standard library only, and is needed to sample. Readers of files (io/), the U-Net engine
/// (nn/), and the adapters (adapt/) are included by name.
#pragma once

#include "fewstep/denoiser/clipping.hpp"
#include "fewstep/denoiser/conversion.hpp"
#include "fewstep/denoiser/denoiser.hpp"
#include "fewstep/denoiser/guidance.hpp"
#include "fewstep/noise/brownian.hpp"
#include "fewstep/noise/philox.hpp"
#include "fewstep/noise/source.hpp"
#include "fewstep/noise/torch.hpp"
#include "fewstep/plan/check.hpp"
#include "fewstep/plan/ddim.hpp"
#include "fewstep/plan/plan.hpp"
#include "fewstep/random/philox.hpp"
#include "fewstep/sample.hpp"
#include "fewstep/schedule/grids.hpp"
#include "fewstep/schedule/noise_level.hpp"
#include "fewstep/schedule/schedules.hpp"
#include "fewstep/tensor/contiguous.hpp"
#include "fewstep/tensor/elements.hpp"
#include "fewstep/tensor/measure.hpp"
#include "fewstep/tensor/tensor.hpp"
#include "fewstep/unet/unet.hpp"

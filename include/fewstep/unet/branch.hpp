/// @file
/// The branch numbers of other implementations of DeepCache (Ma et al. 2023, arXiv:2312.00858) as the number of a
/// connection, counted from the outside, 0 = the first convolution. A step that uses the cache computes connections
/// 0 ... branch anew.
#pragma once

#include <cstddef>
#include <stdexcept>

namespace fewstep {

/// The paper's branch m counts the first convolution as 1: m - 1. Throws std::invalid_argument for 0.
inline std::size_t branch_of_paper(std::size_t m)
{
  if (m == 0) throw std::invalid_argument("the paper of DeepCache counts branches from 1, but the branch is 0");
  return m - 1;
}

/// `cache_branch_id` of DeepCacheSDHelper, which diffusers documents, counts as we do. ComfyUI's `cache_depth` too.
inline std::size_t branch_of_helper(std::size_t cache_branch_id)
{
  return cache_branch_id;
}

/// `--branch` of the DDPM experiments in the paper's repository, and `cache_branch` of its video pipeline: b + 1.
inline std::size_t branch_of_ddpm(std::size_t branch)
{
  return branch + 1;
}

/// `cache_layer_id` and `cache_block_id` of the repository's Stable Diffusion pipelines, whose levels have three
/// connections: 3 * layer + block + 1. Throws std::invalid_argument for blocks above 2.
inline std::size_t branch_of_pipeline(std::size_t cache_layer_id, std::size_t cache_block_id)
{
  if (cache_block_id > 2) throw std::invalid_argument("a level has blocks 0, 1 and 2, but cache_block_id is above 2");
  return 3 * cache_layer_id + cache_block_id + 1;
}

}  // namespace fewstep
